// Redis: rate limits and resumable streams, under upstream's key prefix.
import Redis from 'ioredis';
import { logger } from '@librechat/data-schemas';

const GIVE_UP_AFTER = 10;

/**
 * Connects; resolves when Redis answers. Unreachable or a wrong password: never resolves and never exits, so the port
 * stays closed (contracts 3.1). After REDIS_RETRY_MAX_ATTEMPTS (default 10, 0 = no end) it gives up for ever.
 */
export async function connectRedis({ uri, username, password, prefix, attempts, ca }) {
  const most = Number.isNaN(attempts) ? GIVE_UP_AFTER : attempts;
  const client = new Redis(uri, {
    username,
    password,
    keyPrefix: prefix,
    tls: ca ? { ca } : undefined,
    maxRetriesPerRequest: 3,
    retryStrategy(times) {
      if (most > 0 && times > most) {
        logger.error(`ioredis giving up after ${most} reconnection attempts`);
        return null;
      }
      return Math.min(times * 50, 3000);
    },
  });
  client.on('error', (error) => logger.error(`ioredis client error: ${error.message}`));
  const keepAlive = setInterval(() => {}, 60_000);
  await new Promise((resolve) => {
    client.once('ready', resolve);
  });
  clearInterval(keepAlive);
  logger.info('ioredis client ready');
  return client;
}

/** Counts calls per address in a window, in Redis or in memory. */
export function limiter(redis, { name, max, windowMs, message }) {
  const memory = new Map();
  async function count(address) {
    if (redis) {
      const key = `${name}_limiter:${address}`;
      const calls = await redis.incr(key);
      if (calls === 1) await redis.pexpire(key, windowMs);
      return calls;
    }
    const entry = memory.get(address);
    if (!entry || entry.until < Date.now()) {
      memory.set(address, { calls: 1, until: Date.now() + windowMs });
      return 1;
    }
    entry.calls += 1;
    return entry.calls;
  }
  return async (req, res, next) => {
    if ((await count(req.ip)) > max) return res.status(429).json({ message });
    return next();
  };
}
