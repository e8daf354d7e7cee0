// The LibreChat stand-in: LibreChat's contract (v0.8.7/8) where its image cannot be had. It is not LibreChat.
import './env.js';
import express, { Router } from 'express';
import mongoose from 'mongoose';
import UAParser from 'ua-parser-js';
import { logger } from '@librechat/data-schemas';
import { authRoutes, requireUser } from './auth.js';
import { catalogueRoutes, chatRoutes } from './chat.js';
import { endpointsOf, loadConfig } from './config.js';
import { conversationRoutes } from './conversations.js';
import { connect, db, seed, syncIndexes } from './database.js';
import { isEnabled, PATHS, redisConfig, refuse } from './env.js';
import { fileRoutes, removeFiles } from './files.js';
import { countRequests, metrics, serveMetrics } from './metrics.js';
import { checkRag } from './rag.js';
import { connectRedis } from './redis.js';
import { MemoryStreams, RedisStreams } from './streams.js';

const { env } = process;
const SHUTDOWN_LIMIT = 60_000;
const SIGNALS = ['SIGTERM', 'SIGINT'];
const PAGE = `<!doctype html><html lang="en-US"><title>LibreChat stand-in</title>
<h1>LibreChat stand-in</h1><p>This is not LibreChat: it keeps LibreChat's contract (routes, settings, back ends) where
LibreChat's image cannot be had, so that a workspace can be tried and tested. It has no user interface.</p></html>`;

/** A client without a browser's User-Agent gets HTTP 200 with an error event, as upstream answers it. */
function requireBrowser(req, res, next) {
  if (new UAParser(req.get('user-agent')).getBrowser().name) return next();
  logger.warn(`[uaParser] Illegal request from ${req.ip}`);
  res.type('text/event-stream');
  return res.end(`event: error\ndata: ${JSON.stringify({ message: 'Illegal request' })}\n\n`);
}

/** Reads the cookies into `req.cookies`. */
function readCookies(req, _res, next) {
  const pairs = (req.get('cookie') ?? '').split(';').filter((pair) => pair.includes('='));
  req.cookies = Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
    }),
  );
  next();
}

/** What the login page asks before anybody is logged in. */
const startupConfig = (config) => ({
  appTitle: env.APP_TITLE || 'LibreChat',
  socialLogins: config.registration?.socialLogins ?? [],
  emailLoginEnabled: env.ALLOW_EMAIL_LOGIN === undefined || isEnabled(env.ALLOW_EMAIL_LOGIN),
  registrationEnabled: isEnabled(env.ALLOW_REGISTRATION),
  socialLoginEnabled: isEnabled(env.ALLOW_SOCIAL_LOGIN),
  serverDomain: env.DOMAIN_SERVER || 'http://localhost:3080',
  interface: config.interface,
  modelSpecs: config.modelSpecs,
  standIn: true,
});

/** All routes. `state.ready` is what /readyz tells. */
function application({ config, redis, state }) {
  const app = express();
  const endpoints = endpointsOf(config);
  const streams = redis && env.USE_REDIS_STREAMS !== 'false' ? new RedisStreams(redis) : new MemoryStreams();
  const context = { config, endpoints, redis, streams, metrics, running: state.running };
  app.disable('x-powered-by');
  app.set('trust proxy', Number(env.TRUST_PROXY) || 1);
  for (const path of ['/health', '/livez']) app.get(path, (_req, res) => res.send('OK'));
  app.get('/readyz', (_req, res) => (state.ready ? res.send('OK') : res.status(503).send('NOT READY')));
  app.get('/metrics', serveMetrics);
  app.use(countRequests, express.json({ limit: '3mb' }), readCookies);
  app.use('/images', express.static(PATHS.images));
  app.use('/api/auth', authRoutes(context));
  app.get('/api/config', (_req, res) => res.json(startupConfig(config)));

  const api = Router();
  api.use(requireUser);
  api.get('/user', (req, res) => res.json(req.user));
  api.delete('/user/delete', async (req, res) => {
    await removeFiles(req.user.id);
    // The model refuses to delete no conversation at all.
    await db.deleteConvos(req.user.id, {}).catch((error) => logger.debug(error.message));
    await db.deleteAllUserSessions(req.user.id);
    await db.deleteUserById(req.user.id);
    res.json({ message: 'User deleted' });
  });
  api.put('/keys', async (req, res) => {
    await db.updateUserKey({ userId: req.user.id, ...req.body });
    res.status(201).send();
  });
  api.get('/keys', async (req, res) =>
    res.json(await db.getUserKeyExpiry({ userId: req.user.id, name: req.query.name })),
  );
  api.use(catalogueRoutes(context), conversationRoutes());
  api.use('/agents/chat', requireBrowser, chatRoutes(context));
  api.use('/files', requireBrowser, fileRoutes(context));
  api.use((_req, res) => res.status(404).json({ message: 'Endpoint not found' }));
  app.use('/api', api);
  app.get('/', (_req, res) => res.type('html').send(PAGE));
  app.use((error, _req, res, _next) => {
    logger.error(`${error.name}: ${error.cause?.message ?? error.message}`);
    if (!res.headersSent) res.status(error.status ?? 500).json({ error: 'Internal server error' });
    else res.end();
  });
  return app;
}

/** On SIGTERM: takes no new connection, lets running answers end, then goes; after a minute it goes anyhow. */
function stopOnSignal(server, redis, running) {
  async function stop() {
    setTimeout(() => process.exit(1), SHUTDOWN_LIMIT).unref();
    logger.info('Shutting down: waiting for open streams');
    const closed = new Promise((resolve) => {
      server.close(resolve);
    });
    setInterval(() => server.closeIdleConnections(), 100).unref();
    await Promise.allSettled([...running]);
    await closed;
    redis?.disconnect();
    await mongoose.disconnect();
    process.exit(0);
  }
  for (const signal of SIGNALS) process.removeAllListeners(signal).once(signal, stop);
}

// Until the port is open a signal ends the process at once; as the first process of a container it would be deaf else.
for (const signal of SIGNALS) process.once(signal, () => process.exit(1));
const redisSettings = redisConfig();
if (env.DOMAIN_CLIENT && !URL.canParse(env.DOMAIN_CLIENT)) refuse('DOMAIN_CLIENT: Invalid URL');
const state = { ready: false, running: new Set() };
const config = await loadConfig();
try {
  await connect();
  logger.info('Connected to MongoDB');
  await seed();
} catch (error) {
  refuse(`Failed to start server: ${error.name}: ${error.message}`);
}
const redis = redisSettings && (await connectRedis(redisSettings));
const [host, port] = [env.HOST || 'localhost', Number(env.PORT ?? 3080)];
const server = application({ config, redis, state }).listen(port, host, (error) => {
  if (error) refuse(`Failed to start server: ${error.message}`);
  logger.info(`LibreChat stand-in listening on ${host}:${server.address().port}`);
});
stopOnSignal(server, redis, state.running);
syncIndexes().catch((error) => logger.error(`[indexSync] Background sync failed: ${error.message}`));
await checkRag();
state.ready = true;
