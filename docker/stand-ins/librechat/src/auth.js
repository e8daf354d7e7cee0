// Registration, log-in, sessions: upstream's status codes and texts (contracts 3.3 and 10).
import bcrypt from 'bcryptjs';
import { Router } from 'express';
import jwt from 'jsonwebtoken';
import { logger } from '@librechat/data-schemas';
import { SystemRoles } from 'librechat-data-provider';
import { z } from 'zod';
import { db } from './database.js';
import { integer, isEnabled, milliseconds } from './env.js';
import { limiter } from './redis.js';

const { env } = process;
const PRIVATE = '-password -__v -totpSecret -backupCodes';
const WEEK = 7 * 24 * 3600 * 1000;
const CHECK_MAIL = 'Please check your email to verify your email address.';
const MINUTE = 60_000;

const registerSchema = z
  .object({
    name: z.string().min(3).max(80),
    username: z.string().min(2).max(80).nullish().or(z.literal('')),
    email: z.string().email(),
    password: z.string().min(8).max(128),
    confirm_password: z.string(),
  })
  .refine((user) => user.password === user.confirm_password, { message: 'The passwords did not match' });

/** Makes a user; the first one is the administrator. Returns {status, message}. */
export async function registerUser(body, config, { emailVerified = false } = {}) {
  const { success, data, error } = registerSchema.safeParse(body);
  if (!success) return { status: 404, message: error.issues.map((issue) => issue.message).join(' ') };
  const { email, password, name, username } = data;
  if (await db.findUser({ email }, 'email _id')) return { status: 200, message: CHECK_MAIL };
  const domains = config.registration?.allowedDomains;
  if (domains?.length && !domains.includes(email.split('@')[1].toLowerCase())) {
    return {
      status: 403,
      message: 'The email address provided cannot be used. Please use a different email address.',
    };
  }
  const role = (await db.countUsers()) === 0 ? SystemRoles.ADMIN : SystemRoles.USER;
  const user = {
    provider: 'local',
    email,
    username,
    name,
    avatar: null,
    role,
    password: bcrypt.hashSync(password, 10),
  };
  const unlimited = isEnabled(env.ALLOW_UNVERIFIED_EMAIL_LOGIN);
  const id = await db.createUser({ ...user, emailVerified }, config.balance, unlimited);
  // Without e-mail settings upstream verifies the address itself.
  if (!(env.EMAIL_SERVICE || env.EMAIL_HOST)) await db.updateUser(id, { emailVerified: true });
  return { status: 200, message: CHECK_MAIL };
}

/** Sets the refresh cookie (a new session, or the one given) and returns the access token. */
async function openSession(user, res, session) {
  const expiresIn = milliseconds('REFRESH_TOKEN_EXPIRY', WEEK);
  const made = session
    ? { session, refreshToken: await db.generateRefreshToken(session) }
    : await db.createSession(user._id, { expiresIn });
  const secure = Boolean(env.DOMAIN_SERVER?.startsWith('https://'));
  const cookie = { expires: new Date(made.session.expiration), httpOnly: true, secure, sameSite: 'strict' };
  res.cookie('refreshToken', made.refreshToken, cookie);
  res.cookie('token_provider', 'librechat', cookie);
  return db.generateToken(user, milliseconds('SESSION_EXPIRY', 15 * MINUTE));
}

/** Lets a request with a good access token through, with `req.user`; else 401. */
export async function requireUser(req, res, next) {
  const token = /^Bearer (.+)$/i.exec(req.get('authorization') ?? '')?.[1];
  let payload;
  try {
    payload = jwt.verify(token ?? '', env.JWT_SECRET, { algorithms: ['HS256'] });
  } catch {
    return res.status(401).send('Unauthorized');
  }
  const user = await db.getUserById(payload.id, PRIVATE);
  if (!user) return res.status(401).send('Unauthorized');
  req.user = { ...user, id: String(user._id) };
  return next();
}

/** The routes under /api/auth. */
export function authRoutes({ config, redis }) {
  const router = Router();
  const limited = (name, max, minutes, what) => {
    const windowMs = integer(`${name.toUpperCase()}_WINDOW`, minutes) * MINUTE;
    const message = `Too many ${what}, please try again after ${windowMs / MINUTE} minutes.`;
    return limiter(redis, { name, max: integer(`${name.toUpperCase()}_MAX`, max), windowMs, message });
  };

  router.post('/register', limited('register', 5, 60, 'accounts created'), async (req, res) => {
    if (!isEnabled(env.ALLOW_REGISTRATION))
      return res.status(403).json({ message: 'Registration is not allowed.' });
    const { status, message } = await registerUser(req.body ?? {}, config);
    return res.status(status).json({ message });
  });

  router.post('/login', limited('login', 7, 5, 'login attempts'), async (req, res) => {
    const { email, password } = req.body ?? {};
    const found = typeof email === 'string' ? await db.findUser({ email }, '+password') : null;
    const problem = !found
      ? 'Email does not exist.'
      : !bcrypt.compareSync(String(password), found.password ?? '')
        ? 'Incorrect password.'
        : null;
    if (problem) {
      logger.error(`[Login] [Login failed] [Username: ${email}] [Request-IP: ${req.ip}]`);
      return res.status(404).json({ message: problem });
    }
    if (!found.emailVerified && !isEnabled(env.ALLOW_UNVERIFIED_EMAIL_LOGIN)) {
      return res.status(422).json({ message: 'Email not verified.' });
    }
    const { password: _password, totpSecret: _secret, __v, ...user } = found;
    const token = await openSession(user, res);
    return res.json({ token, user: { ...user, id: String(user._id) } });
  });

  router.post('/refresh', async (req, res) => {
    const { refreshToken } = req.cookies;
    if (!refreshToken) return res.status(200).send('Refresh token not provided');
    let payload;
    try {
      payload = jwt.verify(refreshToken, env.JWT_REFRESH_SECRET, { algorithms: ['HS256'] });
    } catch {
      return res.status(403).send('Invalid refresh token');
    }
    const user = await db.getUserById(payload.id, PRIVATE);
    const session = user && (await db.findSession({ userId: payload.id, refreshToken }, { lean: false }));
    if (!session) return res.status(401).send('Refresh token expired or not found for this user');
    return res.json({ token: await openSession(user, res, session), user });
  });

  router.post('/logout', requireUser, async (req, res) => {
    const { refreshToken } = req.cookies;
    if (refreshToken) await db.deleteSession({ refreshToken });
    res.clearCookie('refreshToken').clearCookie('token_provider').json({ message: 'Logout successful' });
  });
  return router;
}
