import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import {
  type DatabaseConnection,
  type Dialect,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { rememberStatements } from "./sqlite.ts";

/**
 * Lets kysely speak to node:sqlite.
 *
 * @param db an open database; closed when kysely is destroyed
 */
export function createSqliteDialect(db: DatabaseSync): Dialect {
  return {
    createAdapter: () => new TransactionalDdlAdapter(),
    createDriver: () => new RollbackOnceDriver(db),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/**
 * SQLite's schema changes are part of their transaction (sqlite.org/lang_transaction.html); kysely leaves that unused. Without
 * it a kill in the middle of a migration would leave tables that no later start could get over (F1).
 */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** A full disk makes SQLite roll back by itself; a second ROLLBACK would fail and hide the reason from whoever has to act on it. */
class RollbackOnceDriver extends SqliteDriver {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    super({ database: adaptDatabase(db) });
    this.#db = db;
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#db.isTransaction) await super.rollbackTransaction(connection);
  }
}

/** Statements are kept prepared: the same few dozen texts come again with every message. */
function adaptDatabase(db: DatabaseSync): SqliteDatabase {
  const prepare = rememberStatements(db);
  return {
    close: () => db.close(),
    prepare: (sql) => {
      const statement = prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (values) => statement.all(...(values as SQLInputValue[])),
        run: (values) => statement.run(...(values as SQLInputValue[])),
        // A half-read statement cannot be run again, so each reading by pieces has its own.
        iterate: (values) => db.prepare(sql).iterate(...(values as SQLInputValue[])),
      };
    },
  };
}
