import { randomBytes } from 'node:crypto';
import { WeirError } from '@weir/node/contract';
import {
  type CertificateKind,
  type IssuedCertificate,
  type IssuedFile,
  issuedText,
  newIssued,
  parseIssued,
} from './issued.ts';
import { makePrivateDir, PRIVATE_FILE, PUBLIC_FILE, writeFileWhole } from './private-files.ts';
import {
  BOARD_DAYS,
  DEVICE_DAYS,
  makeAuthority,
  makeLeaf,
  makeRevocationList,
  openSigner,
  type Signer,
} from './sign.ts';
import type { SiteFolder } from './site-folder.ts';

export interface LeafAsked {
  kind: CertificateKind;
  name: string;
  /** Names and addresses of a board. */
  reachedBy: readonly string[];
  days?: number;
}

/**
 * The authority of one site: its key and certificate, what it has signed, what it has revoked. What it has issued is
 * written before the certificate is, so that none exists that could not be revoked.
 */
export class Authority {
  readonly #folder: SiteFolder;
  readonly #signer: Signer;
  readonly #issued: IssuedFile;
  readonly #now: () => number;

  /** Makes a new one; there must be none. */
  static async create(folder: SiteFolder, siteName: string, now: () => number): Promise<Authority> {
    folder.make();
    if (folder.exists)
      throw new WeirError('WEIR_USAGE', `${folder.root} has an authority already; it was not touched.`, {
        suggestion: 'Name another folder with --dir: two authorities are two sites.',
      });
    const made = await makeAuthority(siteName, now());
    writeFileWhole(folder.joinSecret, `${randomBytes(32).toString('base64url')}\n`, PRIVATE_FILE);
    writeFileWhole(folder.issued, issuedText(newIssued()), PRIVATE_FILE);
    writeFileWhole(folder.authorityKey, made.keyPem, PRIVATE_FILE);
    // Last: with it, the site is there.
    writeFileWhole(folder.authorityCertificate, made.certificatePem, PUBLIC_FILE);
    const authority = await Authority.open(folder, now);
    await authority.#writeRevoked();
    return authority;
  }

  static async open(folder: SiteFolder, now: () => number): Promise<Authority> {
    const certificate = folder.readPublic(folder.authorityCertificate);
    const key = folder.readKey(folder.authorityKey);
    const issued = parseIssued(folder.readKey(folder.issued), folder.issued);
    try {
      return new Authority(folder, await openSigner(certificate, key), issued, now);
    } catch (cause) {
      throw new WeirError(
        'WEIR_AUTHORITY_DAMAGED',
        `the key or the certificate of ${folder.root} is damaged.`,
        {
          suggestion: 'Restore the authority from its backup: weir provision restore FILE.',
          cause,
        },
      );
    }
  }

  private constructor(folder: SiteFolder, signer: Signer, issued: IssuedFile, now: () => number) {
    this.#folder = folder;
    this.#signer = signer;
    this.#issued = issued;
    this.#now = now;
  }

  get certificates(): readonly IssuedCertificate[] {
    return this.#issued.certificates;
  }

  /** The newest that holds of that name. */
  current(kind: CertificateKind, name: string): IssuedCertificate | null {
    const nowMs = this.#now();
    const holding = this.#issued.certificates.filter(
      (one) => one.kind === kind && one.name === name && one.revokedMs === null && one.notAfterMs > nowMs,
    );
    return holding[holding.length - 1] ?? null;
  }

  /** A new key and certificate in the folder of that name; those before it hold until they are revoked. */
  async issue(asked: LeafAsked): Promise<IssuedCertificate> {
    const { kind, name, reachedBy } = asked;
    const days = asked.days ?? (kind === 'board' ? BOARD_DAYS : DEVICE_DAYS);
    const organisation = this.#signer.certificate.subjectName.getField('O')[0] ?? 'Weir';
    const leaf = { commonName: name, organisation, reachedBy, days };
    const made = await makeLeaf(this.#signer, leaf, this.#now());
    const { serial, notAfterMs } = made;
    const entry = { serial, kind, name, issuedMs: this.#now(), notAfterMs, revokedMs: null, reason: null };
    this.#issued.certificates.push(entry);
    this.#writeIssued();
    makePrivateDir(this.#folder.leafDir(kind, name));
    writeFileWhole(this.#folder.leafKey(kind, name), made.keyPem, PRIVATE_FILE);
    writeFileWhole(this.#folder.leafCertificate(kind, name), made.certificatePem, PUBLIC_FILE);
    return entry;
  }

  /** Revokes what `which` picks and still holds; the list is written anew in any case. */
  async revoke(
    which: (one: IssuedCertificate) => boolean,
    reason: string | null,
  ): Promise<IssuedCertificate[]> {
    const nowMs = this.#now();
    const picked = this.#issued.certificates.filter(
      (one) => one.revokedMs === null && one.notAfterMs > nowMs && which(one),
    );
    for (const one of picked) Object.assign(one, { revokedMs: nowMs, reason });
    await this.#writeRevoked();
    return picked;
  }

  async #writeRevoked(): Promise<void> {
    this.#issued.crlNumber++;
    this.#writeIssued();
    const nowMs = this.#now();
    // What has expired is refused as it is, and the list stays short.
    const revoked = this.#issued.certificates.flatMap((one) =>
      one.revokedMs === null || one.notAfterMs <= nowMs ? [] : [{ ...one, revokedMs: one.revokedMs }],
    );
    const list = await makeRevocationList(this.#signer, revoked, this.#issued.crlNumber, nowMs);
    writeFileWhole(this.#folder.revoked, list, PUBLIC_FILE);
  }

  #writeIssued(): void {
    writeFileWhole(this.#folder.issued, issuedText(this.#issued), PRIVATE_FILE);
  }
}
