import { Type } from 'typebox';

/** A description of a kind of board: which images fit, which media they go on. One file each in `provision/boards`. */

const closed = { additionalProperties: false };
const line = (description: string) =>
  Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]{1,128}$', description, 'x-kind': 'text' });
const size = (description: string) =>
  Type.String({
    pattern: '^\\d{1,6}(MB|GB|TB)$',
    description,
    'x-kind': 'size',
  });

export const BoardSchema = Type.Object(
  {
    weir: Type.Literal(1, { description: 'Version of this format.' }),
    title: line('What its maker calls it.'),
    architecture: Type.Union([Type.Literal('arm64'), Type.Literal('armhf')], {
      description: 'Which package runs on it.',
    }),
    media: Type.Array(line('A medium.'), { minItems: 1, maxItems: 8, description: 'What it starts from.' }),
    least: size('A smaller disk is refused.'),
    most: size('A larger disk is refused: it is somebody’s archive and no card.'),
    tables: Type.Array(
      Type.Union([Type.Literal('mbr'), Type.Literal('gpt')], { description: 'A kind of partition table.' }),
      { minItems: 1, maxItems: 2, description: 'Partition tables that leave the boot loader alone.' },
    ),
    loader: Type.Optional(
      Type.Object(
        {
          sector: Type.Integer({
            minimum: 1,
            maximum: 65_535,
            description: 'Its first sector of 512 bytes.',
          }),
          sectors: Type.Integer({ minimum: 1, maximum: 65_535, description: 'How many are looked at.' }),
        },
        { ...closed, description: 'Boot loader outside of partitions; an image without one is refused.' },
      ),
    ),
    firmware: Type.Optional(
      Type.Union([Type.Literal('fat')], {
        description: 'The first partition must be FAT: it holds the boot loader.',
      }),
    ),
    images: Type.Array(line('An image.'), {
      minItems: 1,
      maxItems: 8,
      description: 'Images that are meant for it.',
    }),
    notes: Type.Array(line('A note.'), { maxItems: 8, description: 'What to know before.' }),
  },
  { ...closed, title: 'Board description', description: 'A kind of board.' },
);
