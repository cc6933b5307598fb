/** A command as its own `--help` tells of it, which is what completions and the manual page are made from. */
export interface Documented {
  name: string;
  summary: string;
  help: string;
}

interface Listed {
  summary: string;
  run(argv: string[]): Promise<number>;
}

/**
 * Asks every command of the list for its help and takes what it prints. So there is one source, and a command that is
 * added to the list is completed and in the manual without another line.
 */
export async function documentedOf(list: Record<string, Listed>): Promise<Documented[]> {
  const documented: Documented[] = [];
  for (const [name, { summary, run }] of Object.entries(list))
    documented.push({ name, summary, help: await printedBy(() => run(['--help'])) });
  return documented;
}

async function printedBy(run: () => Promise<number>): Promise<string> {
  const { write } = process.stdout;
  let printed = '';
  process.stdout.write = ((chunk: string | Uint8Array) => {
    printed += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
    return true;
  }) as typeof write;
  try {
    await run();
  } finally {
    process.stdout.write = write;
  }
  return printed;
}

/** The long options that a help text names, in its order, each once. */
export const optionsIn = (help: string): string[] => [
  ...new Set([...help.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([option]) => option)),
];
