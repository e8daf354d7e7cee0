// Command ferretdb is FerretDB 1.24.2 on a plain PostgreSQL, with the face of FerretDB 2: its variables, its debug
// addresses, its rule that users are PostgreSQL roles, and authentication on. For the embedded cluster only.
//
// The module's path lies below FerretDB's, so that Go lets it use FerretDB's internal packages: the embeddable
// package cannot switch SCRAM on, and FerretDB's own command does not build from the module (it has no version file).
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/FerretDB/FerretDB/internal/backends"
	"github.com/FerretDB/FerretDB/internal/clientconn"
	"github.com/FerretDB/FerretDB/internal/clientconn/conninfo"
	"github.com/FerretDB/FerretDB/internal/clientconn/connmetrics"
	"github.com/FerretDB/FerretDB/internal/handler"
	"github.com/FerretDB/FerretDB/internal/handler/registry"
	"github.com/FerretDB/FerretDB/internal/handler/users"
	"github.com/FerretDB/FerretDB/internal/util/password"
	"github.com/FerretDB/FerretDB/internal/util/state"
)

// authDatabase is where the one user stands, whatever authSource a client names.
const authDatabase = "admin"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

// run serves until the context ends.
func run(ctx context.Context) error {
	uri, role, err := postgreSQL()
	if err != nil {
		return err
	}

	var level slog.Level
	if err = level.UnmarshalText([]byte(setting("LOG_LEVEL", "info"))); err != nil {
		return fmt.Errorf("FERRETDB_LOG_LEVEL: %w", err)
	}

	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))

	states, err := state.NewProvider(filepath.Join(setting("STATE_DIR", "."), "state.json"))
	if err == nil {
		err = states.Update(func(s *state.State) { s.DisableTelemetry() })
	}
	if err != nil {
		return fmt.Errorf("FERRETDB_STATE_DIR must be writable: %w", err)
	}

	metrics := connmetrics.NewListenerMetrics()

	h, closeBackend, err := registry.NewHandler("postgresql", &registry.NewHandlerOpts{
		Logger:        logger,
		ConnMetrics:   metrics.ConnMetrics,
		StateProvider: states,
		PostgreSQLURL: uri,
		TestOpts:      registry.TestOpts{EnableNewAuth: true, BatchSize: 100},
	})
	if err != nil {
		return fmt.Errorf("FERRETDB_POSTGRESQL_URL: %w", err)
	}
	defer closeBackend()

	rewriteRequests(h)

	var ready atomic.Bool

	go keepUser(ctx, h, role, logger, &ready)
	go serveDebug(setting("DEBUG_ADDR", "127.0.0.1:8088"), h, &ready, ctx)

	l, err := clientconn.Listen(&clientconn.NewListenerOpts{
		TCP:     setting("LISTEN_ADDR", "127.0.0.1:27017"),
		Mode:    clientconn.NormalMode,
		Metrics: metrics,
		Handler: h,
		Logger:  logger,
	})
	if err != nil {
		return fmt.Errorf("FERRETDB_LISTEN_ADDR: %w", err)
	}

	l.Run(ctx)

	return nil
}

// setting returns a variable as FerretDB 2 names it.
func setting(name, fallback string) string {
	if value := os.Getenv("FERRETDB_" + name); value != "" {
		return value
	}

	return fallback
}

// postgreSQL returns the URL of the back end and the role in it; a file that holds the URL wins.
func postgreSQL() (string, *url.Userinfo, error) {
	uri := setting("POSTGRESQL_URL", "")

	if file := setting("POSTGRESQL_URL_FILE", ""); file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", nil, fmt.Errorf("FERRETDB_POSTGRESQL_URL_FILE: %w", err)
		}

		uri = strings.TrimSpace(string(content))
	}

	// the error of url.Parse would quote the password
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.User.Username() == "" {
		return "", nil, fmt.Errorf("FERRETDB_POSTGRESQL_URL must be postgres://user:password@host:port/database")
	}

	return uri, u.User, nil
}

// asServer returns a context with the rights of the gateway itself.
func asServer(ctx context.Context) context.Context {
	info := conninfo.New()
	info.SetBypassBackendAuth()

	return conninfo.Ctx(ctx, info)
}

// keepUser makes the Mongo user of the PostgreSQL role, with the role's present password, as soon as PostgreSQL answers.
func keepUser(ctx context.Context, h *handler.Handler, role *url.Userinfo, logger *slog.Logger, ready *atomic.Bool) {
	for ctx.Err() == nil {
		err := setUser(asServer(ctx), h.Backend, role)
		if err == nil {
			ready.Store(true)
			return
		}

		logger.Warn("PostgreSQL is not ready", slog.String("error", err.Error()))
		time.Sleep(time.Second)
	}
}

// setUser replaces the user.
func setUser(ctx context.Context, b backends.Backend, role *url.Userinfo) error {
	if _, err := b.Status(ctx, nil); err != nil {
		return err
	}

	db, err := b.Database(authDatabase)
	if err != nil {
		return err
	}

	collection, err := db.Collection("system.users")
	if err != nil {
		return err
	}

	old := backends.DeleteAllParams{IDs: []any{authDatabase + "." + role.Username()}}
	if _, err = collection.DeleteAll(ctx, &old); err != nil {
		return err
	}

	secret, _ := role.Password()

	return users.CreateUser(ctx, b, &users.CreateUserParams{
		Database: authDatabase,
		Username: role.Username(),
		Password: password.WrapPassword(secret),
	})
}

// serveDebug answers /debug/livez always and /debug/readyz while PostgreSQL answers, as FerretDB 2 does.
func serveDebug(addr string, h *handler.Handler, ready *atomic.Bool, ctx context.Context) {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/livez", func(w http.ResponseWriter, _ *http.Request) {
		if ctx.Err() != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("/debug/readyz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := h.Backend.Status(asServer(r.Context()), nil); err != nil || !ready.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	log.Fatal(http.ListenAndServe(addr, mux))
}
