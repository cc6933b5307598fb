import { deepFreeze, formatFaults, parseSize, readYaml, WeirError } from '@weir/node/contract';
import { placeOf, readShippedText } from '@weir/node/shipped';
import type { Static } from 'typebox';
import { notFound } from '../not-found.ts';
import { BoardSchema } from './schema.ts';

export interface BoardKind {
  name: string;
  title: string;
  architecture: 'arm64' | 'armhf';
  media: string[];
  leastBytes: number;
  mostBytes: number;
  tables: ('mbr' | 'gpt')[];
  loader: { sector: number; sectors: number } | null;
  firmware: 'fat' | null;
  images: string[];
  notes: string[];
}

/** The files in `provision/boards`; bundled, they lie beside the command, or inside the one executable with it. */
const KINDS = [
  'generic-arm64',
  'odroid-c4',
  'odroid-m1s',
  'odroid-n2plus',
  'odroid-xu4',
  'raspberry-pi-4',
  'raspberry-pi-5',
] as const;
const FOLDER = new URL(import.meta.url.endsWith('.mjs') ? './boards/' : '../../boards/', import.meta.url);
const BOARD_FILE_MAX = 16 * 1024;

export function boardKinds(): readonly string[] {
  return KINDS;
}

export function boardKind(name: string): BoardKind {
  if (!KINDS.some((kind) => kind === name)) throw notFound('kind of board', name, KINDS, 'board');
  const file = new URL(`${name}.yaml`, FOLDER);
  return parseBoard(readShippedText(placeOf(file)), name);
}

export function parseBoard(text: string, name: string): BoardKind {
  const fileName = `${name}.yaml`;
  const form = { schema: BoardSchema, is: 'a board description', maxChars: BOARD_FILE_MAX };
  const { draft, faults } = readYaml(text, fileName, form);
  const found = faults.sorted();
  if (draft === null || found.length > 0)
    throw new WeirError('WEIR_INTERNAL', `a board description is wrong\n${formatFaults(found)}`);
  const { weir: _version, least, most, loader, firmware, ...rest } = draft as Static<typeof BoardSchema>;
  return deepFreeze({
    name,
    ...rest,
    leastBytes: parseSize(least) ?? 0,
    mostBytes: parseSize(most) ?? 0,
    loader: loader ?? null,
    firmware: firmware ?? null,
  });
}
