import { type Command, EXIT } from './command.ts';
import type { Documented } from './documented.ts';

/** The manual page, from the same list as the help: `weir man | man -l -`. */
export function manCommand(version: string, list: () => Promise<Documented[]>): Command {
  return {
    name: 'man',
    usage: 'man',
    summary: 'Prints the manual page: weir man | man -l -',
    options: {},
    async run() {
      process.stdout.write(manual(version, await list()));
      return EXIT.fine;
    },
  };
}

const STATUSES: [number, string][] = [
  [EXIT.fine, 'fine'],
  [EXIT.failed, 'failed'],
  [EXIT.usage, 'called wrongly'],
  [EXIT.siteWrong, 'the site file is wrong'],
  [EXIT.unreachable, 'the appliance cannot be reached'],
  [EXIT.notAllowed, 'not allowed'],
  [EXIT.degraded, 'it runs, but something is not as it should be'],
  [EXIT.tryAgain, 'try again'],
  [EXIT.interrupted, 'interrupted'],
];

const FILES: [string, string][] = [
  ['/etc/weir/site.yaml', 'the site file of the installed service'],
  ['/etc/default/weir', 'where it listens'],
  ['/var/lib/weir', 'everything it keeps'],
];

export function manual(version: string, list: Documented[]): string {
  const tagged = (rows: [string | number, string][]) =>
    rows.map(([left, right]) => `.TP\n.B ${roff(String(left))}\n${roff(right)}\n`).join('');
  return [
    `.TH WEIR 1 "" "weir ${version}" "Weir"\n`,
    '.SH NAME\nweir \\- takes readings over MQTT, counts them in event time and shows them\n',
    '.SH SYNOPSIS\n.B weir\n.I COMMAND\n[\\fIARGUMENT\\fR...] [\\fB\\-\\-json\\fR] [\\fB\\-\\-help\\fR]\n',
    '.SH COMMANDS\n',
    ...list.map(({ name, help }) => `.SS weir ${roff(name)}\n.nf\n${roff(help.trimEnd())}\n.fi\n`),
    `.SH EXIT STATUS\n${tagged(STATUSES)}`,
    `.SH FILES\n${tagged(FILES)}`,
    '.SH SEE ALSO\nThe service is \\fBweir.service\\fR; \\fBjournalctl \\-u weir\\fR shows its log.\n',
  ].join('');
}

/** A backslash and a dash mean something else in roff, and so does a line that begins with a dot or a quote. */
function roff(text: string): string {
  const escaped = text.replaceAll('\\', '\\e').replaceAll('-', '\\-');
  return escaped.replace(/^(?=[.'])/gm, '\\&');
}
