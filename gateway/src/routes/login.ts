import { LoginAnswer, LoginQuestion, WeirError } from '@weir/node/contract';
import { type LogInWith, setSessionCookie } from '../guard/access.ts';
import { type App, FAULTS, type Parts } from './parts.ts';

export function loginRoutes(app: App, { access }: Parts): void {
  app.post(
    '/api/v1/login',
    {
      schema: {
        summary: 'A token, or a user and a password, for a session cookie.',
        tags: ['access'],
        body: LoginQuestion,
        response: { 200: LoginAnswer, ...FAULTS },
      },
    },
    async (request, reply) => {
      const cookie = await access.logIn(request, whatWith(request.body), request.protocol === 'https');
      setSessionCookie(reply, cookie);
      return { loggedIn: true };
    },
  );

  app.post(
    '/api/v1/logout',
    { schema: { summary: 'Ends the session.', tags: ['access'], response: { 200: LoginAnswer, ...FAULTS } } },
    async (request, reply) => {
      setSessionCookie(reply, access.logOut(request, request.protocol === 'https'));
      return { loggedIn: false };
    },
  );
}

function whatWith({ token, user, password }: LoginQuestion): LogInWith {
  if (token !== undefined && user === undefined && password === undefined) return { token };
  if (token === undefined && user !== undefined && password !== undefined) return { user, password };
  throw new WeirError('WEIR_BAD_QUESTION', 'A log-in takes a token, or a user and a password.', {
    field: token === undefined ? 'token' : 'user',
  });
}
