import type { FastifyInstance, FastifyReply } from "fastify";
import { about, type Checked, flag, oneOf, orNull, record, text } from "../../../contract/json-check.js";
import { clientOf } from "../access/authenticate.js";
import { cookieOf, sessionCookie, setCookie } from "../access/sessions.js";
import { scopes } from "../access/tokens.js";
import { serviceError } from "../errors.js";
import { closed } from "../schemas/closed.js";
import { routeSchema } from "../schemas/route-schema.js";
import type { ServiceContext } from "../service-context.js";

const tags = ["session"];
const login = closed(record({ token: text }));
const session = record({
  needs_token: about("False if everybody may use the server.", flag),
  client: orNull(text),
  scope: orNull(oneOf(scopes)),
  csrf_token: about("The web page repeats it in the header x-csrf-token.", orNull(text)),
});

/** The login of the web page, which has a cookie instead of the token. */
export function addSessionRoutes(app: FastifyInstance, { access }: ServiceContext): void {
  const { tokens, sessions } = access;

  app.route({
    method: "GET",
    url: "/v1/session",
    schema: routeSchema({ summary: "Says who is logged in", tags, answers: { 200: session } }),
    handler(request) {
      const id = cookieOf(request.headers.cookie, sessionCookie);
      const found = id === null ? null : sessions.find(id, Date.now());
      const client = clientOf(request, access);
      return Promise.resolve<Checked<typeof session>>({
        needs_token: tokens !== null,
        client: client?.name ?? null,
        scope: client?.scope ?? null,
        csrf_token: found?.csrfToken ?? null,
      });
    },
  });
  app.route<{ Body: Checked<typeof login> }>({
    method: "POST",
    url: "/v1/session",
    schema: routeSchema({ summary: "Logs in with a token", tags, body: login, answers: { 200: session } }),
    handler({ body: { token }, protocol }, reply): FastifyReply {
      const client = tokens?.find(token) ?? null;
      if (client === null) throw serviceError("TOKEN_MISSING", "this server does not know the token");
      const started = sessions.start(client, Date.now());
      const answer: Checked<typeof session> = {
        needs_token: true,
        client: client.name,
        scope: client.scope,
        csrf_token: started.session.csrfToken,
      };
      return reply.header("set-cookie", setCookie(started.id, protocol === "https")).send(answer);
    },
  });
  app.route({
    method: "DELETE",
    url: "/v1/session",
    schema: routeSchema({ summary: "Logs out", tags, answers: { 204: null } }),
    handler(request, reply): FastifyReply {
      const id = cookieOf(request.headers.cookie, sessionCookie);
      if (id !== null) sessions.end(id);
      return reply
        .header("set-cookie", setCookie("", request.protocol === "https"))
        .code(204)
        .send();
    },
  });
}
