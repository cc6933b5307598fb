// Loaded first, or the library does not start: its parts find each other through it.
import 'reflect-metadata';

export * from '@peculiar/x509';
