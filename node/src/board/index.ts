export { type Board, type BoardOptions, startBoard } from './board.ts';
export { KEPT_SITE } from './data-dir.ts';
export { type VerifiedData, verifyData } from './offline/verify-data.ts';
