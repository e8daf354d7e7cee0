package main

import (
	"context"

	"github.com/FerretDB/FerretDB/internal/handler"
	"github.com/FerretDB/wire"
	"github.com/FerretDB/wire/wirebson"
)

// rewriters change what LibreChat's models send and FerretDB 1 refuses (contracts 10): the three fields are dropped,
// so a projection returns the whole document, nothing expires, and partial unique indexes become plain ones. And a
// client may name any authSource, as with FerretDB 2, where users are PostgreSQL roles.
var rewriters = map[string]func(*wirebson.Document) error{
	"findAndModify": dropFields,
	"findandmodify": dropFields,
	"createIndexes": dropIndexOptions,
	"saslStart":     nameAuthDatabase,
}

func dropFields(doc *wirebson.Document) error {
	doc.Remove("fields")
	return nil
}

func nameAuthDatabase(doc *wirebson.Document) error {
	return doc.Replace("$db", authDatabase)
}

func dropIndexOptions(doc *wirebson.Document) error {
	raw, ok := doc.Get("indexes").(wirebson.AnyArray)
	if !ok {
		return nil // the handler's own message is right
	}

	indexes, err := raw.Decode()
	if err != nil {
		return err
	}

	for i := range indexes.Len() {
		rawIndex, ok := indexes.Get(i).(wirebson.AnyDocument)
		if !ok {
			continue
		}

		index, err := rawIndex.Decode()
		if err != nil {
			return err
		}

		index.Remove("expireAfterSeconds")
		index.Remove("partialFilterExpression")

		if err = indexes.Replace(i, index); err != nil {
			return err
		}
	}

	return doc.Replace("indexes", indexes)
}

// rewriteRequests puts the rewriters in front of FerretDB's handlers.
func rewriteRequests(h *handler.Handler) {
	for name, rewrite := range rewriters {
		command := h.Commands()[name]
		if command == nil {
			continue
		}

		next := command.Handler
		command.Handler = func(ctx context.Context, msg *wire.OpMsg) (*wire.OpMsg, error) {
			doc, err := msg.RawSection0().Decode()
			if err != nil {
				return nil, err
			}

			if err = rewrite(doc); err != nil {
				return nil, err
			}

			changed, err := wire.NewOpMsg(doc)
			if err != nil {
				return nil, err
			}

			return next(ctx, changed)
		}
	}
}
