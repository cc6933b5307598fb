/**
 * What a command says of itself. Help, parsing, `--json` and exit statuses follow from that in `node/src/commands`, for the
 * commands of other rooms as well.
 */
export interface Option {
  type: 'string' | 'boolean';
  help: string;
  /** Shown in help as `--name VALUE`. */
  value?: string;
  default?: string | boolean;
  short?: string;
}

export interface Invocation {
  options: Record<string, string | boolean | undefined>;
  args: string[];
  json: boolean;
}

export interface Command {
  name: string;
  usage: string;
  summary: string;
  options: Record<string, Option>;
  run(invocation: Invocation): Promise<number>;
}

/** Runs a command with its arguments and answers the exit status. */
export type Runner = (command: Command, argv: string[]) => Promise<number>;
