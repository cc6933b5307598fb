import { expect, test } from 'vitest';
import { formatFaults } from './faults.ts';
import { parseSite } from './parse.ts';

test('every fault of a tariff is told at once, where it is, with what to do', () => {
  const text = `weir: 1
site:
  timezone: Europe/Berlin
  tariffs:
    home:
      currency: Euro
      periods:
        high: { days: mon-fry, times: 06:10-22:00 }
        feast: { dates: [02-30, 12-24.., 2026-01-01..12-31, '2027-01-01..2026-01-01'] }
        low: rest
        night: { times: 22:00-22:00, day: sun }
      prices:
        2026-02-29: { high: 0.3, feast: 1, low: 0.2, night: 0.1 }
        2026-07-01: { high: 0.123456789, lo: 0.2 }
        July: { high: 1 }
    flat:
      currency: EUR
      periods: { all: rest }
      prices: { 2026-03-15: { all: 0.3 } }
streams:
  electricity:
    from: meters/{meter}/electricity
    key: meter
    fields:
      kwh: { type: counter, tariff: hom }
      gas: { type: counter, tariff: flat }
      more: counter
      watts: { type: gauge, tariff: flat }
rollups:
  usage:
    of: electricity
    measures: { a: cost(gas), b: cost(more), c: cost(watts), d: cost(kwh), e: cost() }
    tiers: { 15m: 30d, 1d: 1y, 7d: 5y, 1mo: 10y }
`;
  expect(formatFaults(parseSite(text, 's.yaml').faults)).toMatchInlineSnapshot(`
    "s.yaml:6:17  site.tariffs.home.currency "Euro" is no currency; write its three letters, such as EUR
    s.yaml:8:23  site.tariffs.home.periods.high.days "mon-fry" is no day of the week; write mon, tue, wed, thu, fri, sat, sun, or two of them: mon-fri
    s.yaml:8:39  site.tariffs.home.periods.high.times "06:10-22:00" is no time of the day; write quarters of an hour, such as 06:00-22:00
    s.yaml:9:26  site.tariffs.home.periods.feast.dates.0 "02-30" is no date of the calendar; write 12-24..01-06 or 2026-12-24..
    s.yaml:9:33  site.tariffs.home.periods.feast.dates.1 "12-24.." has no end, and comes back every year; write 12-24..01-06 or 2026-12-24..
    s.yaml:9:42  site.tariffs.home.periods.feast.dates.2 "2026-01-01..12-31" has a year on one side only; write 12-24..01-06 or 2026-12-24..
    s.yaml:9:61  site.tariffs.home.periods.feast.dates.3 "2027-01-01..2026-01-01" ends before it begins; write 12-24..01-06 or 2026-12-24..
    s.yaml:10:14  site.tariffs.home.periods.low takes the rest, and others come after it; put it last
    s.yaml:11:16  the last period of site.tariffs.home leaves times over that have none; add one that takes them: other: rest
    s.yaml:11:25  site.tariffs.home.periods.night.times "22:00-22:00" ends as it begins; leave times out for all day
    s.yaml:11:38  unknown key "day" in site.tariffs.home.periods.night; did you mean "days"?
    s.yaml:13:9  site.tariffs.home.prices: there is no 2026-02-29; write a date of the calendar
    s.yaml:14:9  site.tariffs.home.prices.2026-07-01 has no price of "feast", "low", "night"; each list names all periods
    s.yaml:14:29  site.tariffs.home.prices.2026-07-01.high has too many digits; at most 8 after the point
    s.yaml:14:46  site.tariffs.home.prices.2026-07-01 prices "lo", which is no period; did you mean "low"?
    s.yaml:15:9  "July" cannot name a date; write a date such as 2026-01-01
    s.yaml:25:37  streams.electricity.fields.kwh.tariff names "hom", which is no tariff; did you mean "home"?
    s.yaml:28:37  streams.electricity.fields.watts is gauge; tariff is for counters; leave it out, or make the field a counter
    s.yaml:32:39  rollups.usage.measures.b: cost() needs a tariff, and "more" has none; name one: streams.electricity.fields.more: { tariff: … }
    s.yaml:32:54  rollups.usage.measures.c: cost() needs a counter, and "watts" is a gauge; declare it so if it only goes up, or use sum(watts) or mean(watts)
    s.yaml:32:79  rollups.usage.measures.e: cost() needs a field; write cost(field)
    s.yaml:33:32  a bucket of rollups.usage.tiers.7d has two prices: those of flat change within it, on 2026-03-15; leave this tier out and keep a finer one as long, or let the prices change where its buckets begin
    s.yaml:33:40  rollups.usage.tiers: buckets of 1mo are not made of whole buckets of 7d; each tier must divide the next
    s.yaml:33:40  a bucket of rollups.usage.tiers.1mo has two prices: those of flat change within it, on 2026-03-15; leave this tier out and keep a finer one as long, or let the prices change where its buckets begin
    "
  `);
});

test('periods whose names storage cannot tell apart are refused', () => {
  const names = ['p56', 'p62'];
  const text = `weir: 1
site: { tariffs: { t: { currency: EUR, periods: { NAME, other: rest }, prices: { 2026-01-01: { other: 1 } } } } }
streams: { s: { from: 's/{k}', key: k } }`;
  const site = text.replace('NAME', names.map((name) => `${name}: { days: mon }`).join(', '));
  expect(formatFaults(parseSite(site, 's.yaml').faults)).toContain('cannot be told apart');
});
