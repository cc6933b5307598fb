import { isOneFile } from './files.ts';

/** What stands between `process.execPath` and a command's name, to start this same program once more. */
export function selfArgs(): string[] {
  return isOneFile() ? [] : [...process.execArgv, process.argv[1]];
}
