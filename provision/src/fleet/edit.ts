import { parseDocument } from 'yaml';

/** What a fleet file begins with. */
export function newFleetText(name: string, timezone: string, keys: readonly string[]): string {
  const lines = [
    '# The boards and devices of one site. `weir provision check` reports every fault of this file at once.',
    'weir: 1',
    `site: { name: ${JSON.stringify(name)}, timezone: ${timezone} }`,
    'network: { domain: local }',
  ];
  if (keys.length === 0) lines.push('access: { user: root, keys: [] }');
  else lines.push('access:', '  user: root', '  keys:', ...keys.map((key) => `    - ${JSON.stringify(key)}`));
  return `${lines.join('\n')}\nboards: {}\ndevices: {}\n`;
}

/** The file with one more part; comments and order stay as they are. */
export function withPart(text: string, path: readonly string[], value: object): string {
  const document = parseDocument(text);
  const node = document.createNode(value, { flow: true });
  const [section, name] = path;
  const map = document.get(section) as { flow?: boolean; items: unknown[] } | null | undefined;
  // `boards: {}` of a new file becomes lines, one a board.
  if (map && Array.isArray(map.items)) map.flow = false;
  document.setIn([section, name], node);
  return document.toString({ lineWidth: 0 });
}
