/** Icons are paths in the page itself: nothing is fetched, and they take the colour of the text. */
const PATHS = {
  good: 'M8 1.500a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5 8.200l2.1 2.100L11.2 6',
  warn: 'M8 2 1.5 13.500h13L8 2Zm0 4.500v3.200m0 1.900v.1',
  bad: 'M5.3 1.500h5.400l3.8 3.800v5.400l-3.8 3.800H5.300l-3.8-3.800V5.300l3.8-3.800ZM8 4.700v4m0 2.300v.1',
  unknown: 'M8 1.500a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5 8h.1M8 8h.1M11 8h.1',
  sun: 'M8 5.200a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.600ZM8 1v1.500M8 13.500V15M1 8h1.500M13.5 8H15M3 3l1.1 1.100M11.9 11.9 13 13M3 13l1.1-1.100M11.9 4.1 13 3',
  moon: 'M13.5 9.800A6 6 0 0 1 6.2 2.500a6 6 0 1 0 7.3 7.300Z',
  back: 'M6.5 3.5 2 8l4.5 4.500M2.5 8H14',
  close: 'M4 4l8 8M12 4l-8 8',
  search: 'M7 2.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.5 10.5 14 14',
  calendar: 'M2 4h12v10H2V4Zm0 3.200h12M5 2v3M11 2v3',
};

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
