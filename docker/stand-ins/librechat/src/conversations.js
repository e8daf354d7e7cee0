// Stored conversations and messages, and the search in them.
import { Router } from 'express';
import { db, searchEnabled } from './database.js';

/** The routes under /api/convos, /api/messages and /api/search. */
export function conversationRoutes() {
  const router = Router();

  // True whenever search is configured, also with a wrong key or a dead Meilisearch, as observed (contracts 10).
  router.get('/search/enable', (_req, res) => res.json(searchEnabled));

  router.get('/messages', async (req, res) => {
    const { search } = req.query;
    if (!search) return res.json({ messages: [], nextCursor: null });
    const { hits } = await db.searchMessages(search, { filter: `user = "${req.user.id}"` }, true);
    const { convoMap } = await db.getConvosQueried(req.user.id, hits, null);
    const mine = hits.filter((hit) => convoMap[hit.conversationId]);
    const messages = mine.map((hit) => ({ ...hit, title: convoMap[hit.conversationId].title }));
    return res.json({ messages, nextCursor: null });
  });

  router.get('/messages/:conversationId', async (req, res) => {
    const { conversationId } = req.params;
    if (!(await db.getConvo(req.user.id, conversationId)))
      return res.status(404).json({ error: 'Conversation not found' });
    return res.json(await db.getMessages({ conversationId, user: req.user.id }, '-_id -__v -user'));
  });

  router.get('/convos', async (req, res) => {
    const { cursor, search, limit } = req.query;
    res.json(await db.getConvosByCursor(req.user.id, { cursor, search, limit: Number(limit) || 25 }));
  });

  router.get('/convos/:conversationId', async (req, res) => {
    const conversation = await db.getConvo(req.user.id, req.params.conversationId);
    if (!conversation) return res.status(404).json({ error: 'Conversation not found' });
    return res.json(conversation);
  });

  router.delete('/convos', async (req, res) => {
    const { conversationId } = req.body?.arg ?? {};
    if (!conversationId) return res.status(400).json({ error: 'no parameters provided' });
    return res.status(201).json(await db.deleteConvos(req.user.id, { conversationId }));
  });
  return router;
}
