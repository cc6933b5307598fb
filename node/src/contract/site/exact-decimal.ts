/** The digits that the file has, which are what a double of it prints: digits / 10^places. */
export function exactDecimal(value: number): { digits: number; places: number } {
  const [mantissa, exponent = '0'] = String(value).split('e');
  const [whole, fraction = ''] = mantissa.split('.');
  const places = fraction.length - Number(exponent);
  const digits = Number(whole + fraction);
  return places >= 0 ? { digits, places } : { digits: digits * 10 ** -places, places: 0 };
}
