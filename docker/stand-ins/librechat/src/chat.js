// A conversation: POST starts a generation that runs on its own, GET follows its stream (contracts 10).
import { randomUUID } from 'node:crypto';
import { Router } from 'express';
import { Constants, EModelEndpoint } from 'librechat-data-provider';
import { logger } from '@librechat/data-schemas';
import { db } from './database.js';
import { searchFiles } from './rag.js';
import { complete, modelsOf } from './provider.js';

const TITLE_LENGTH = 40;
const textOf = ({ text, content }) => text || content?.map((part) => part.text ?? '').join('') || '';

/** The messages from the first one down to `parentMessageId`, in the provider's form. */
async function thread(user, conversationId, parentMessageId) {
  const known = new Map(
    (await db.getMessages({ user, conversationId })).map((message) => [message.messageId, message]),
  );
  const path = [];
  for (let at = known.get(parentMessageId); at; at = known.get(at.parentMessageId)) path.unshift(at);
  return path.map((message) => ({
    role: message.isCreatedByUser ? 'user' : 'assistant',
    content: textOf(message),
  }));
}

/** The routes under /api/agents/chat. `running` holds the generations that a shutdown has to wait for. */
export function chatRoutes({ config, endpoints, streams, metrics, running }) {
  const router = Router();

  /** Answers one message: stores both, streams the answer, indexes by the models' own hooks. */
  async function generate(id, { user, name, endpoint, model, request, conversation }) {
    const owner = { userId: user.id, isTemporary: false, interfaceConfig: config.interface };
    const { conversationId } = request;
    await streams.add(id, { data: { created: true, message: request } });
    await db.saveMessage(owner, request, { context: 'stand-in: request' });
    const found = await searchFiles(config, user, request.text, conversation);
    const messages = await thread(user.id, conversationId, request.parentMessageId);
    if (found) messages.push({ role: 'system', content: found.context });
    messages.push({ role: 'user', content: request.text });
    let text = '';
    for await (const piece of complete(name, endpoint, { userId: user.id, model, messages })) {
      text += piece;
      const delta = { content: [{ type: 'text', text: piece }] };
      await streams.add(id, { data: { event: 'on_message_delta', data: { id, delta } } });
    }
    const response = {
      messageId: randomUUID(),
      conversationId,
      parentMessageId: request.messageId,
      isCreatedByUser: false,
      endpoint: name,
      model,
      sender: endpoint.modelDisplayLabel ?? name,
      text: '',
      content: [{ type: 'text', text }],
      ...(found?.attachment && { attachments: [found.attachment] }),
    };
    await db.saveMessage(owner, response, { context: 'stand-in: response' });
    const title =
      request.parentMessageId === Constants.NO_PARENT ? request.text.slice(0, TITLE_LENGTH) : undefined;
    const convo = {
      conversationId,
      endpoint: name,
      endpointType: endpoint.type,
      model,
      ...(title && { title }),
    };
    const saved = await db.saveConvo(owner, convo, { context: 'stand-in: conversation' });
    if (saved?.message) throw new Error(saved.message);
    const final = {
      final: true,
      conversation: saved,
      title: saved.title,
      requestMessage: request,
      responseMessage: response,
    };
    await streams.add(id, { data: final }, true);
  }

  router.post('/:endpoint', async (req, res) => {
    const { user, body = {}, params } = req;
    const endpoint = endpoints.get(params.endpoint);
    if (!endpoint) return res.status(400).json({ error: `Endpoint ${params.endpoint} is not available` });
    if (typeof body.text !== 'string' || !body.text)
      return res.status(400).json({ error: 'text is required' });
    const { model } = body;
    const models = await modelsOf(params.endpoint, endpoint, user.id);
    if (!model) return res.status(400).json({ error: 'Model not provided' });
    if (models.length && !models.includes(model))
      return res.status(400).json({ error: 'Illegal model request' });
    const isNew = !body.conversationId || body.conversationId === 'new';
    const conversationId = isNew ? randomUUID() : body.conversationId;
    if (!isNew && !(await db.getConvo(user.id, conversationId))) {
      return res.status(404).json({ error: 'Conversation not found' });
    }
    const request = {
      messageId: body.messageId || randomUUID(),
      conversationId,
      parentMessageId: body.parentMessageId || Constants.NO_PARENT,
      isCreatedByUser: true,
      endpoint: params.endpoint,
      sender: 'User',
      text: body.text,
      ...(body.files?.length && { files: body.files.map(({ file_id }) => ({ file_id })) }),
    };
    const streamId = conversationId;
    await streams.open(streamId, user.id);
    const conversation = { files: body.files ?? [], tools: body.ephemeralAgent ?? {} };
    const job = generate(streamId, { user, name: params.endpoint, endpoint, model, request, conversation })
      .then(() => metrics.jobs.inc({ status: 'complete' }))
      .catch(async (error) => {
        metrics.jobs.inc({ status: 'error' });
        const reason = error.cause?.message ? `${error.message}: ${error.cause.message}` : error.message;
        logger.error(`[AgentController] Generation failed: ${reason}`);
        await streams.add(streamId, { error: reason }, true);
      })
      .catch((error) => logger.error(`[AgentController] Stream lost: ${error.message}`))
      .finally(() => running.delete(job));
    running.add(job);
    return res.json({ streamId, conversationId, status: 'started' });
  });

  router.get('/stream/:streamId', async (req, res) => {
    const { streamId } = req.params;
    const owner = await streams.owner(streamId);
    if (!owner) {
      return res
        .status(404)
        .json({ error: 'Stream not found', message: 'The generation job does not exist or has expired.' });
    }
    if (owner !== req.user.id) return res.status(403).json({ error: 'Unauthorized' });
    res.set({
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
    res.flushHeaders();
    const closed = new AbortController();
    res.on('close', () => closed.abort());
    metrics.streams.inc();
    try {
      for await (const { data, error } of streams.read(streamId, closed.signal)) {
        if (error) res.write(`event: error\ndata: ${JSON.stringify({ error })}\n\n`);
        else res.write(`event: message\ndata: ${JSON.stringify(data)}\n\n`);
      }
    } finally {
      metrics.streams.dec();
    }
    return res.end();
  });
  return router;
}

/** What /api/endpoints and /api/models answer. */
export function catalogueRoutes({ endpoints }) {
  const router = Router();
  router.get('/endpoints', (_req, res) => {
    const offered = [...endpoints].map(([name, { type, key, modelDisplayLabel, iconURL }], order) => [
      name,
      { type, userProvide: key === 'user_provided', modelDisplayLabel, iconURL, order },
    ]);
    res.json({
      ...Object.fromEntries(offered),
      [EModelEndpoint.agents]: { userProvide: false, order: offered.length },
    });
  });
  router.get('/models', async (req, res) => {
    const list = [...endpoints].map(async ([name, endpoint]) => [
      name,
      await modelsOf(name, endpoint, req.user.id),
    ]);
    res.json(Object.fromEntries(await Promise.all(list)));
  });
  return router;
}
