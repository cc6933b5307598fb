import { WeirError } from '../contract/index.ts';
import { type Command, EXIT } from './command.ts';
import { type Documented, optionsIn } from './documented.ts';

/** Completes commands and their options; what an option takes is completed as a file, as shells do by themselves. */
export function completionCommand(list: () => Promise<Documented[]>): Command {
  return {
    name: 'completion',
    usage: 'completion bash|zsh|fish',
    summary: 'Prints what completes commands and options in a shell. Packages install it.',
    options: {},
    async run({ args: [shell] }) {
      if (shell === undefined || !Object.hasOwn(SHELLS, shell))
        throw new WeirError('WEIR_USAGE', `completion takes bash, zsh or fish, not ${shell ?? 'nothing'}`, {
          field: 'shell',
        });
      process.stdout.write(SHELLS[shell](await list()));
      return EXIT.fine;
    },
  };
}

const SHELLS: Record<string, (list: Documented[]) => string> = { bash, zsh, fish };

export function bash(list: Documented[]): string {
  const cases = list.map(({ name, help }) => `    ${name}) words='${optionsIn(help).join(' ')}' ;;`);
  return `# Completion of weir for bash: source it, or install it as /usr/share/bash-completion/completions/weir.
_weir() {
  local words current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W '${list.map(({ name }) => name).join(' ')}' -- "$current")
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    *) return ;;
  esac
  case $current in
    -*) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
  esac
}
complete -o default -F _weir weir
`;
}

export function zsh(list: Documented[]): string {
  const commands = list.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`);
  const cases = list.map(
    ({ name, help }) => `    ${name}) compadd -- ${optionsIn(help).join(' ')}; _files ;;`,
  );
  return `#compdef weir
# Completion of weir for zsh: install it as _weir in a directory of $fpath.
_weir() {
  local -a commands
  commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case $words[2] in
${cases.join('\n')}
    *) _files ;;
  esac
}
_weir "$@"
`;
}

export function fish(list: Documented[]): string {
  const lines = list.flatMap(({ name, summary, help }) => [
    `complete -c weir -n __fish_use_subcommand -f -a ${name} -d '${quoted(summary)}'`,
    ...optionsIn(help).map(
      (option) => `complete -c weir -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`,
    ),
  ]);
  return `# Completion of weir for fish: install it as weir.fish in a directory of $fish_complete_path.\n${lines.join('\n')}\n`;
}

/** Inside single quotes; a colon would end a name in zsh's descriptions. */
const quoted = (text: string): string => text.replaceAll("'", '’').replaceAll(':', ' –');
