export { changeFile, readIfThere } from './change-file.ts';
export {
  addToken,
  digestOfToken,
  type KeptToken,
  listTokens,
  parseTokens,
  removeToken,
  tokensPath,
} from './token-file.ts';
export { addUser, hashOf, type KeptUser, listUsers, parseUsers, removeUser, usersPath } from './user-file.ts';
