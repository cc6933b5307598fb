const NAME = /^([a-zA-Z_][a-zA-Z0-9_]*)(\{[^\n]*\})?$/;

/**
 * The board's counters as Prometheus text. They come from other threads as numbers, some with labels in their names;
 * lines of one family stand together, as the format demands, and a name that would break the page is left out.
 */
export function boardMetrics(counters: Record<string, number>): string {
  const families = new Map<string, string[]>();
  for (const [name, value] of Object.entries(counters)) {
    const match = NAME.exec(name);
    if (!match) continue;
    const family = `weir_${match[1]}`;
    const lines = families.get(family) ?? [];
    lines.push(`${family}${match[2] ?? ''} ${value}`);
    families.set(family, lines);
  }
  let text = '';
  for (const [family, lines] of families) {
    text += `# TYPE ${family} ${family.endsWith('_total') ? 'counter' : 'gauge'}\n${lines.join('\n')}\n`;
  }
  return text;
}
