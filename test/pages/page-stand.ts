import { pino } from 'pino';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Gateway } from '../../gateway/src/context.ts';
import { startGateway } from '../../gateway/src/index.ts';
import { createFakeBoard, type FakeBoard } from '../../gateway/src/testing/fake-board.ts';
import type { LiveChange } from '../../node/src/contract/index.ts';
import { builtUi } from './built-ui.ts';

const CHROMIUM = {
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

export const openBrowser = (): Promise<Browser> => chromium.launch(CHROMIUM);

/** A gateway over a fake board, and a real browser to look at it. */
export interface Stand {
  readonly url: string;
  readonly board: FakeBoard;
  readonly browser: Browser;
  /** Says to every page that looks that these buckets changed. */
  tell(change: (question: { rollup: string }) => LiveChange): void;
  /** Takes the gateway away until the function that is answered brings it back, at the same address. */
  interrupt(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export async function openStand(browser: Browser, token?: string): Promise<Stand> {
  const uiDir = await builtUi();
  const board = createFakeBoard({ now: Date.now });
  const viewers = new Set<{ rollup: string; onChange: (change: LiveChange) => void }>();
  board.live = ({ rollup }, onChange) => {
    const viewer = { rollup, onChange };
    viewers.add(viewer);
    return () => viewers.delete(viewer);
  };
  const start = (port: number): Promise<Gateway> =>
    startGateway({
      client: board,
      site: board.site(),
      listen: { host: '127.0.0.1', port },
      open: token === undefined,
      ...(token === undefined ? {} : { tokens: { verify: (given: string) => given === token } }),
      uiDir,
      version: '1.2.3',
      logger: pino({ level: 'silent' }),
    });
  let gateway = await start(0);
  const { url, port } = gateway;
  return {
    url,
    board,
    browser,
    tell: (change) => {
      for (const viewer of viewers) viewer.onChange(change(viewer));
    },
    interrupt: async () => {
      await gateway.close();
      return async () => {
        gateway = await start(port);
      };
    },
    close: () => gateway.close(),
  };
}

/** A page that notes whatever a browser complains about. */
export async function openPage(
  { browser, url }: Stand,
  hash = '',
  size = { width: 1366, height: 768 },
  touch = false,
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({
    viewport: size,
    locale: 'en-US',
    timezoneId: 'Asia/Tokyo',
    hasTouch: touch,
    isMobile: touch,
  });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (fault) => complaints.push(String(fault)));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(`${url}/${hash}`);
  return { page, complaints };
}

/** The plot as it is drawn, for comparing two moments. */
export const drawn = (page: Page): Promise<string> =>
  page.locator('.plot canvas').evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());

/** Pixels in the colour of the first line. */
export const linePixels = (page: Page): Promise<number> =>
  page.locator('.plot canvas').evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const probe = document.createElement('canvas').getContext('2d') as CanvasRenderingContext2D;
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--line-1');
    probe.fillRect(0, 0, 1, 1);
    const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
    const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
      0,
      0,
      canvas.width,
      canvas.height,
    );
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue) < 24)
        count++;
    }
    return count;
  });
