import { LoginAnswer, LoginQuestion } from '@weir/node/contract';
import { setSessionCookie } from '../guard/access.ts';
import { type App, FAULTS, type Parts } from './parts.ts';

export function loginRoutes(app: App, { access }: Parts): void {
  app.post(
    '/api/v1/login',
    {
      schema: {
        summary: 'A token for a session cookie.',
        tags: ['access'],
        body: LoginQuestion,
        response: { 200: LoginAnswer, ...FAULTS },
      },
    },
    async (request, reply) => {
      setSessionCookie(reply, access.logIn(request, request.body.token, request.protocol === 'https'));
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
