import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { LiveChange, TopAnswer } from '../../node/src/contract/index.ts';
import { drawn, linePixels, openBrowser, openPage, openStand, type Stand } from './page-stand.ts';

const HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
const MINUTE = 60_000;

let browser: Browser;
let stand: Stand;
beforeAll(async () => {
  browser = await openBrowser();
  stand = await openStand(browser);
});
afterAll(async () => {
  await browser.close();
  await stand.close();
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

const changeOf = (rollup: string, time: number, value: number): LiveChange => ({
  rollup,
  tier: '1m',
  step: MINUTE,
  watermark: null,
  series: [{ by: {}, time: [time], values: { kwh: [value] }, final: [true], revision: [1] }],
});

/** An hour that is over, so that time passing draws nothing. */
function pastHour(): { hash: string; from: number } {
  const from = Math.floor(Date.now() / MINUTE) * MINUTE - 180 * MINUTE;
  const iso = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
  return { hash: `#/?rollup=usage&measure=kwh&from=${iso(from)}&to=${iso(from + 60 * MINUTE)}`, from };
}

describe('the first page', () => {
  test('draws the chart, tells the health, and the browser complains about nothing', async () => {
    const { page, complaints } = await openPage(stand);
    await page.locator('.live-live').waitFor();
    await expect.poll(() => linePixels(page)).toBeGreaterThan(300);
    await page.getByText('All is well').waitFor();
    await page.getByText('reconciles').waitFor();
    expect(await page.locator('.rank').count()).toBe(8);
    expect(await page.title()).toBe('Riverside · Weir');
    expect(complaints).toEqual([]);
  });

  test('tells what the range costs by period, ranks a list, and says what is estimated', async () => {
    const { page, complaints } = await openPage(stand, '#/?rollup=usage&measure=kwh&last=6h');
    await page.locator('.live-live').waitFor();
    await page
      .locator('.cost-total')
      .getByText(/^\d+\.\d\d\sEUR$/)
      .waitFor();
    const periods = await page.locator('.cost-name').allTextContents();
    expect(periods.length).toBeGreaterThan(0);
    expect(['high', 'low']).toEqual(expect.arrayContaining(periods));
    const parts = page.locator('.parts-panel');
    await parts.getByText('m-0001, m-0002', { exact: true }).waitFor();
    await parts.getByText('difference', { exact: true }).first().waitFor();
    await page.getByText('of it is estimated').waitFor();
    await page.locator('.mark-hatched').waitFor();
    await page.getByText('Show as table').click();
    await page.locator('.table-scroll').getByText('final, estimated').first().waitFor();
    await page.locator('.top-panel').getByText('states', { exact: true }).click();
    await page.getByText('Most frequent state').waitFor();
    await page.locator('.rank').first().getByText('900').waitFor();
    await page.locator('.rank').first().click();
    await expect.poll(() => page.url()).toContain('NY');
    await page.getByText('Gas', { exact: true }).click();
    await expect.poll(() => page.locator('.cost-panel').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('a late reading moves an old bucket of the line where it stands', async () => {
    const { hash, from } = pastHour();
    const { page } = await openPage(stand, hash);
    await page.locator('.live-live').waitFor();
    await page.getByText('Show as table').click();
    await page.locator('.table-scroll td').first().waitFor();
    const before = await drawn(page);
    stand.tell(({ rollup }) => changeOf(rollup, from + 30 * MINUTE, 54_321));
    await page.locator('.table-scroll').getByText('54,321').waitFor();
    await expect.poll(() => drawn(page)).not.toBe(before);
    await expect.poll(() => page.locator('.table-scroll tbody tr').count()).toBe(60);
  });

  test('dragging over the chart zooms, and a double click goes back', async () => {
    const { page } = await openPage(stand, '#/?last=6h');
    await page.locator('.live-live').waitFor();
    const over = (await page.locator('.u-over').boundingBox())!;
    const at = (share: number): [number, number] => [over.x + over.width * share, over.y + over.height / 2];
    await page.mouse.move(...at(0.25));
    await page.mouse.down();
    await page.mouse.move(...at(0.4));
    await page.mouse.move(...at(0.5));
    await page.mouse.up();
    await expect.poll(() => page.url()).toContain('from=');
    const params = new URLSearchParams(page.url().split('?')[1]);
    const spanMs = Date.parse(params.get('to')!) - Date.parse(params.get('from')!);
    expect(Math.abs(spanMs - 90 * MINUTE)).toBeLessThan(5 * MINUTE);
    await page.getByRole('button', { name: 'Back to last 6h' }).waitFor();
    await page.locator('.is-stale').waitFor({ state: 'detached' });
    await page.mouse.dblclick(...at(0.5));
    await expect.poll(() => page.url()).toContain('last=6h');
  });

  test('a click on one of the ten largest shows it alone, and the address can be shared', async () => {
    const { page } = await openPage(stand);
    await page.getByRole('button', { name: 'meter', exact: true }).click();
    const first = page.locator('.rank').first();
    await expect.poll(() => first.textContent()).toContain('m-0');
    const name = await first.locator('.rank-name').textContent();
    await first.click();
    await page.locator('h1').getByText(name!).waitFor();
    expect(page.url()).toContain(`where.meter=${name}`);
    const shared = await openPage(stand, new URL(page.url()).hash);
    await shared.page.locator('h1').getByText(name!).waitFor();
    await page.getByRole('button', { name: /Show all again/ }).click();
    await expect.poll(() => page.url()).not.toContain('where');
  });

  test('row 59: markup in the name of a meter is shown as text, everywhere', async () => {
    const { top, rollup } = stand.board;
    const row: TopAnswer['rows'][number] = { rank: 1, by: { state: HOSTILE }, value: 5 };
    stand.board.top = async (question, signal) => ({ ...(await top(question, signal)), rows: [row] });
    stand.board.rollup = async (question, signal) => {
      const answer = await rollup({ ...question, by: [], where: {} }, signal);
      return { ...answer, series: answer.series.map((series) => ({ ...series, by: { state: HOSTILE } })) };
    };
    try {
      const { page, complaints } = await openPage(stand, '#/?by=state');
      await page.locator('.legend-lines').getByText(HOSTILE).waitFor();
      await page.getByText('What do these mean?').click();
      await page.locator('.set-aside').getByText('<img src=x').waitFor();
      await page.locator('.u-over').hover();
      await page.locator('.tooltip').getByText(HOSTILE).waitFor();
      await page.locator('.rank').getByText(HOSTILE).click();
      await page.locator('h1').getByText(HOSTILE).waitFor();
      expect(await page.locator('#app img, #app script').count()).toBe(0);
      expect(complaints).toEqual([]);
    } finally {
      Object.assign(stand.board, { top, rollup });
    }
  });

  test.each([390, 768])('nothing is wider than a screen of %i pixels', async (width) => {
    const { page } = await openPage(stand, '#/?by=state', { width, height: 844 });
    await page.locator('.live-live').waitFor();
    await page.getByText('What do these mean?').click();
    await page.locator('.set-aside').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  });

  test('the chart is read by keyboard', async () => {
    const { page } = await openPage(stand);
    await page.locator('.live-live').waitFor();
    const chart = page.getByRole('slider');
    await chart.focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await expect
      .poll(() => chart.getAttribute('aria-valuetext'))
      .toMatch(/\d\d:\d\d–\d\d:\d\d: all [\d.]+.kWh/);
  });

  test('a finger on the chart reads it, and one that moves up scrolls the page', async () => {
    const { page } = await openPage(stand, '', { width: 390, height: 844 }, true);
    await page.locator('.live-live').waitFor();
    const over = (await page.locator('.u-over').boundingBox())!;
    const x = over.x + over.width / 2;
    await page.touchscreen.tap(x, over.y + 50);
    await page.locator('.tooltip').waitFor();
    const devtools = await page.context().newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', y?: number) =>
      devtools.send('Input.dispatchTouchEvent', { type, touchPoints: y === undefined ? [] : [{ x, y }] });
    const start = over.y + 150;
    await touch('touchStart', start);
    for (let moved = 15; moved <= 150; moved += 15) await touch('touchMove', start - moved);
    await touch('touchEnd');
    await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(100);
    expect(page.url()).not.toContain('from=');
  });

  test('a range without readings says so, and what to do', async () => {
    const { page } = await openPage(stand, '#/?where.meter=nobody');
    await page.getByText('No readings in this range').waitFor();
    await page.getByText('Check how it is written').waitFor();
    await page.getByRole('button', { name: 'Show the last 7 days' }).click();
    await expect.poll(() => page.url()).toContain('last=7d');
  });

  test('what is wrong is told in words', async () => {
    const { status } = stand.board;
    stand.board.status = async () => {
      const answer = await status();
      return { ...answer, log: { ...answer.log, state: 'full' } };
    };
    try {
      const { page } = await openPage(stand);
      await page.getByText('The disk is full: readings are not taken in').first().click();
      await page.getByText('Free space, or shorten retention').waitFor();
    } finally {
      stand.board.status = status;
    }
  });

  test('a board that goes away is said to be away, and the page comes back with it', async () => {
    const { page } = await openPage(stand);
    await page.locator('.live-live').waitFor();
    const comeBack = await stand.interrupt();
    await page.getByText('Reconnecting…').waitFor();
    await page.getByText('The board does not answer').first().waitFor();
    await expect.poll(() => linePixels(page)).toBeGreaterThan(300);
    await comeBack();
    await page.locator('.live-live').waitFor();
    await page.getByText('All is well').waitFor();
  });
});

test('a board with a lock asks for its token once', async () => {
  const locked = await openStand(browser, 'right-token');
  try {
    const { page } = await openPage(locked);
    await page.getByLabel('Access token').fill('wrong-token');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('This token is not right').waitFor();
    await page.getByLabel('Access token').fill('right-token');
    await page.keyboard.press('Enter');
    await page.locator('.live-live').waitFor();
    await page.reload();
    await page.locator('.live-live').waitFor();
  } finally {
    await locked.close();
  }
});
