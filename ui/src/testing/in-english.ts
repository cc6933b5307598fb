/** Imported first by tests of texts: numbers are written in the browser's language, which is the machine's in a test. */
Object.defineProperty(globalThis, 'navigator', { value: { language: 'en-US' }, configurable: true });
