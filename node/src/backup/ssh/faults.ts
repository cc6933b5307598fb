import { WeirError } from '../../contract/index.ts';
import type { SshAddress } from './address.ts';

/** What ssh says when it gets no connection, and what is to be done about it. */
export function faultOf({ url, host, user, port }: SshAddress, said: string): WeirError {
  const by = `ssh ${port === null ? '' : `-p ${port} `}${user === null ? '' : `${user}@`}${host}`;
  if (/host key verification failed|host key is known|identification has changed/i.test(said))
    return new WeirError(
      'WEIR_NOT_ALLOWED',
      `${url}: the key of that host is not the one that is known here`,
      {
        suggestion: /changed/i.test(said)
          ? 'It has changed: find out why before you trust it. Then remove the old one with ssh-keygen -R.'
          : `Log in once by hand as the user that backs up, compare the fingerprint, and say yes: ${by}`,
      },
    );
  if (/permission denied|too many authentication failures|no such identity/i.test(said))
    return new WeirError('WEIR_NOT_ALLOWED', `${url}: that machine does not let this user in (${said})`, {
      suggestion: `A key without a passphrase, or an agent, is needed: ssh-keygen -t ed25519, then ssh-copy-id; it works when this asks for nothing: ${by} true`,
    });
  const why = said === '' ? 'the connection broke off' : said;
  return new WeirError('WEIR_UNREACHABLE', `${url}: ${why}`, {
    suggestion: 'When it can be reached, start again; what was copied stays and is not copied again.',
  });
}
