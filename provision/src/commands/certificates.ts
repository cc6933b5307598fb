import { type Command, WeirError } from '@weir/node/contract';
import { notFound } from '../not-found.ts';
import { Authority } from '../pki/authority.ts';
import type { IssuedCertificate } from '../pki/issued.ts';
import { REASONS } from '../pki/sign.ts';
import { reachedBy } from './add.ts';
import { days, flag, print, text } from './shape.ts';
import { DIR, dayOf, folderOf, named, readFleet } from './site.ts';

const DAY_MS = 86_400_000;
/** What is renewed by `--due` without a number: two months in which somebody may look. */
const DUE_DAYS = 60;

export const renewCommand: Command = {
  name: 'provision renew',
  usage: 'provision renew NAME | --due',
  summary:
    'Makes a new key and certificate. The ones before hold until they expire, so that boards and devices can be given theirs one by one.',
  options: {
    ...DIR,
    due: { type: 'boolean', help: `all that expire within --within days` },
    within: { type: 'string', value: 'N', help: 'for --due', default: String(DUE_DAYS) },
    days: { type: 'string', value: 'N', help: 'how long the new certificate holds' },
    'revoke-old': { type: 'boolean', help: 'revoke the ones before: what has them is shut out at once' },
  },
  async run(invocation) {
    const folder = folderOf(invocation);
    const fleet = readFleet(folder);
    const holds = days(invocation, 'days', 10 * 365);
    const due = flag(invocation, 'due');
    const name = due ? null : named(invocation, 'board or device, or --due');
    const renewed = await folder.alone(async () => {
      const authority = await Authority.open(folder, Date.now);
      const withinMs = (days(invocation, 'within', 3650) ?? DUE_DAYS) * DAY_MS;
      const before = name === null ? dueOf(authority, withinMs) : [knownAs(authority, name)];
      const made: IssuedCertificate[] = [];
      for (const { kind, name } of before)
        made.push(
          await authority.issue({ kind, name, reachedBy: reachedBy(fleet, kind, name), days: holds }),
        );
      const serials = new Set(made.map(({ serial }) => serial));
      const isOld = (one: IssuedCertificate) =>
        !serials.has(one.serial) && made.some(({ kind, name }) => kind === one.kind && name === one.name);
      if (flag(invocation, 'revoke-old')) await authority.revoke(isOld, 'superseded');
      return made;
    });
    const lines = renewed.map(({ kind, name, notAfterMs }) => `${kind} ${name} until ${dayOf(notAfterMs)}`);
    print(invocation, { renewed }, lines.length === 0 ? ['nothing is due'] : lines);
    return 0;
  },
};

export const revokeCommand: Command = {
  name: 'provision revoke',
  usage: 'provision revoke NAME [--reason REASON]',
  summary:
    'Revokes every certificate of a board or device and writes the revocation list anew. Boards that get the list close its connections within seconds.',
  options: {
    ...DIR,
    reason: {
      type: 'string',
      value: 'REASON',
      help: Object.keys(REASONS).join(', '),
      default: 'key-compromise',
    },
  },
  async run(invocation) {
    const folder = folderOf(invocation);
    const name = named(invocation, 'board or device');
    const reason = text(invocation, 'reason') ?? 'key-compromise';
    if (!Object.hasOwn(REASONS, reason))
      throw new WeirError('WEIR_USAGE', `--reason takes ${Object.keys(REASONS).join(', ')}`, {
        field: 'reason',
      });
    const revoked = await folder.alone(async () => {
      const authority = await Authority.open(folder, Date.now);
      knownAs(authority, name);
      return authority.revoke((one) => one.name === name, reason);
    });
    print(invocation, { name, revoked: revoked.map(({ serial }) => serial), list: folder.revoked }, [
      ...revoked.map(({ kind, serial }) => `${kind} ${name} ${serial} is revoked`),
      ...(revoked.length === 0 ? [`${name} had no certificate that held`] : []),
      `list  ${folder.revoked}`,
      'Bring the list to the boards: run the play site.yml, or copy it beside the site file.',
    ]);
    return 0;
  },
};

export const listCommand: Command = {
  name: 'provision list',
  usage: 'provision list',
  summary: 'Certificates that hold, expire or are revoked.',
  options: { ...DIR, all: { type: 'boolean', help: 'expired and revoked ones too' } },
  async run(invocation) {
    const authority = await Authority.open(folderOf(invocation), Date.now);
    const nowMs = Date.now();
    const shown = authority.certificates.filter(
      (one) => flag(invocation, 'all') || (one.revokedMs === null && one.notAfterMs > nowMs),
    );
    print(invocation, { certificates: shown }, rows(shown, nowMs));
    return 0;
  },
};

function rows(certificates: readonly IssuedCertificate[], nowMs: number): string[] {
  const width = Math.max(4, ...certificates.map(({ name }) => name.length));
  return [
    `kind    ${'name'.padEnd(width)}  until       state    serial`,
    ...certificates.map((one) =>
      [
        one.kind.padEnd(6),
        one.name.padEnd(width),
        dayOf(one.notAfterMs),
        stateOf(one, nowMs).padEnd(7),
        one.serial,
      ].join('  '),
    ),
  ];
}

function stateOf({ revokedMs, notAfterMs }: IssuedCertificate, nowMs: number): string {
  if (revokedMs !== null) return 'revoked';
  if (notAfterMs <= nowMs) return 'expired';
  return notAfterMs - nowMs < DUE_DAYS * DAY_MS ? 'due' : 'holds';
}

/** The newest of each that would run out; what has a later one already is left. */
function dueOf(authority: Authority, withinMs: number): IssuedCertificate[] {
  const newest = new Map<string, IssuedCertificate>();
  for (const one of authority.certificates)
    if (one.revokedMs === null) newest.set(`${one.kind} ${one.name}`, one);
  return [...newest.values()].filter(({ notAfterMs }) => notAfterMs - Date.now() < withinMs);
}

function knownAs(authority: Authority, name: string): IssuedCertificate {
  const found = authority.certificates.findLast((one) => one.name === name);
  if (found) return found;
  throw notFound(
    'board or device with a certificate',
    name,
    authority.certificates.map((one) => one.name),
  );
}
