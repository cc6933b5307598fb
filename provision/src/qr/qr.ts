import encodeQR from 'qr';

/** QR codes for a terminal, and as SVG to print. */

/** Two rows of modules a line. Codes with much in them take the lowest correction, so that phones see the modules. */
export function terminalQr(content: string): string {
  return encodeQR(content, 'ascii', { ecc: correction(content), border: 2 });
}

export function svgQr(content: string): string {
  return encodeQR(content, 'svg', { ecc: correction(content), border: 4 });
}

function correction(content: string): 'low' | 'medium' {
  return content.length > 300 ? 'low' : 'medium';
}

/** Where the pages of a board are, for the phone of whoever visits it first. */
export function firstVisitUrl(host: string, port: number): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}/`;
}

/**
 * What a device's installer reads: where the broker is, as whom, whom to trust (SHA-256 of the authority's
 * certificate), and with `key` the private key itself. Version 1: `weir1:` and JSON.
 */
export function deviceCode(device: {
  broker: string;
  id: string;
  authoritySha256: string;
  certificate?: string;
  key?: string;
}): string {
  const { broker, id, authoritySha256: ca, certificate, key } = device;
  return `weir1:${JSON.stringify({ broker, id, ca, ...(certificate && { cert: bare(certificate) }), ...(key && { key: bare(key) }) })}`;
}

/** PEM without its frame. */
function bare(pem: string): string {
  return pem.replace(/-----[^-]+-----|\s/g, '');
}
