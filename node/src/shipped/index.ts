export { isOneFile, listShipped, placeIn, placeOf, readShipped, readShippedText, SEA } from './files.ts';
export { selfArgs } from './self.ts';
export { startThread } from './thread.ts';
