import type { Figures, Outcome } from './bench.ts';
import { rounded } from './each-run.ts';

/** Medians with a server a column, then the ratios, as text that is also Markdown. */
export function tableOf({ medians, ratios, notes }: Outcome): string {
  const servers = Object.keys(medians);
  const figures = [...new Set(servers.flatMap((server) => Object.keys(medians[server])))];
  const rows = [
    ['figure', ...servers],
    ...figures.map((figure) => [figure, ...servers.map((server) => cell(medians[server], figure))]),
  ];
  const parts = servers.length === 0 ? [] : [aligned(rows)];
  if (ratios.length > 0)
    parts.push(
      aligned([
        ['ratio', 'measured', 'budget', ''],
        ...ratios.map(({ what, value, budget, met }) => [
          what,
          value === null ? '–' : rounded(value),
          budget,
          met === null ? 'not measured' : met ? 'met' : 'missed',
        ]),
      ]),
    );
  if (notes.length > 0) parts.push(notes.join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function cell(figures: Figures, name: string): string {
  return name in figures ? rounded(figures[name]) : '–';
}

function aligned(rows: string[][]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells: string[]): string =>
    `| ${cells.map((text, at) => (at === 0 ? text.padEnd(widths[at]) : text.padStart(widths[at]))).join(' | ')} |`;
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}
