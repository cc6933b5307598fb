import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { must, run, type Undo } from '../run.ts';
import { Board } from './board.ts';
import { Container, WORK } from './containers.ts';
import { inOwnNetwork } from './in-network.ts';
import { repack, versionOf } from './releases.ts';
import { rootfs } from './rootfs.ts';
import { SteadyLoad } from './steady-load.ts';

/**
 * One board as a container with systemd, and `weir-release` on it: an upgrade under load, then a broken release that goes
 * back by itself, and no acknowledged reading is missing. It lays out by hand what the role weir does, so that it takes a
 * minute. Needs root, systemd-nspawn, mmdebstrap and a package of weir for this machine's architecture: `--deb FILE`.
 */
const ROOT = join(import.meta.dirname, '..', '..');
const ADDRESS = '10.83.0.11';
const TOKEN = `weir_${'t'.repeat(43)}`;
const AS_UNIT = [
  ...['systemd-run', '--quiet', '--wait', '--pipe', '--collect'],
  ...['--service-type=oneshot', 'weir-release'],
];
const CONF = 'READY_SECONDS=300\n';
const DROP_IN = `[Service]
ExecStart=
ExecStart=/opt/weir/current/weir up /etc/weir/site.yaml --data /var/lib/weir --mqtt 0.0.0.0:1883 --http 0.0.0.0:8080
`;

/** Account, directories, settings and the program that switches releases. */
async function layOut(board: Container, ssh: string[]): Promise<void> {
  const at = (path: string) => join(board.root, path);
  for (const dir of ['opt/weir', 'etc/weir', 'etc/systemd/system/weir.service.d', 'var/cache/weir'])
    mkdirSync(at(dir), { recursive: true });
  cpSync(join(ROOT, 'ansible/roles/weir/files/weir-release'), at('usr/local/sbin/weir-release'));
  cpSync(join(ROOT, 'test/product/site.yaml'), at('etc/weir/site.yaml'));
  writeFileSync(at('etc/weir/release.conf'), CONF);
  writeFileSync(at('etc/systemd/system/weir.service.d/10-release.conf'), DROP_IN);
  writeFileSync(at('etc/weir/token'), TOKEN);
  chmodSync(at('etc/weir/token'), 0o600);
  await must([
    ...ssh,
    'useradd --system --user-group --home-dir /var/lib/weir --shell /usr/sbin/nologin weir',
  ]);
  await must([
    ...ssh,
    'install -d -o weir -g weir -m 750 /var/lib/weir && ln -s /opt/weir/current/weir /usr/local/bin/weir',
  ]);
  const digest = `printf '{"version":1,"tokens":[{"name":"board","sha256":"%s","createdAt":1}]}' "$(sha256sum </etc/weir/token | cut -d' ' -f1)"`;
  await must([
    ...ssh,
    `${digest} >/var/lib/weir/tokens.json && chown weir: /var/lib/weir/tokens.json && chmod 600 /var/lib/weir/tokens.json`,
  ]);
}

async function inside(undo: Undo): Promise<void> {
  const option = process.argv.indexOf('--deb');
  if (option < 0) throw new Error('--deb FILE names the package of weir to begin with');
  const deb = resolve(process.argv[option + 1]);
  const work = WORK;
  const key = join(work, 'key');
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const container = await Container.boot({
    name: 'n1',
    address: ADDRESS,
    tar: await rootfs(),
    work,
    publicKey: readFileSync(`${key}.pub`, 'utf8'),
  });
  undo.add(() => container.stop());
  const ssh = [
    ...['ssh', '-i', key, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
    ...['-o', 'LogLevel=ERROR', `root@${ADDRESS}`],
  ];
  await layOut(container, ssh);
  const first = await versionOf(deb);
  const cache = join(container.root, 'var/cache/weir');
  await must(['cp', deb, join(cache, `weir_${first}_amd64.deb`)]);
  await repack(deb, { version: `${first}+next`, dir: cache });
  await repack(deb, { version: `${first}+wrong`, broken: true, dir: cache });
  for (const version of [first, `${first}+next`])
    await must([...ssh, 'weir-release', 'add', `/var/cache/weir/weir_${version}_amd64.deb`]);
  await must([...ssh, ...AS_UNIT, 'use', first]);
  const board = await Board.of({
    name: 'n1',
    ssh,
    host: ADDRESS,
    mqttPort: 1883,
    http: `http://${ADDRESS}:8080`,
  });
  await switches(board, first);
}

async function switches(board: Board, first: string): Promise<void> {
  const load = await SteadyLoad.of(board, 1);
  await load.start();
  for (const [version, status, runs] of [
    [`${first}+next`, 0, `${first}+next`],
    [`${first}+wrong`, 1, `${first}+next`],
  ] as const) {
    await board.on('weir-release', 'add', `/var/cache/weir/weir_${version}_amd64.deb`);
    const startedMs = performance.now();
    const switched = await run([...board.reach.ssh, ...AS_UNIT, 'use', version]);
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    await load.acked(200);
    const is = await board.release();
    const says = `${switched.stdout}${switched.stderr}`.trim().split('\n').at(-1);
    process.stdout.write(
      `${JSON.stringify({ use: version, seconds, says, acked: load.oracle.ackedReadings })}\n`,
    );
    if (switched.status !== status || is !== runs)
      throw new Error(`use ${version} ended with ${switched.status}, ${is} runs\n${switched.stderr}`);
  }
  await load.stop();
  const verdict = await load.judge();
  const { connections, oracle } = load;
  process.stdout.write(`${JSON.stringify({ acked: oracle.ackedReadings, connections, ...verdict })}\n`);
  if (verdict.lost + verdict.twice + verdict.wrong.length > 0)
    throw new Error('readings are missing, or counted twice');
}

await inOwnNetwork(60, rootfs, inside);
