-- Who may use the API.
CREATE TABLE tenant (
    id   TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO tenant (id, name) VALUES ('acme', 'Acme'), ('globex', 'Globex');

-- Amounts are integers: ten-thousandths of the currency's unit. Totals are not stored; lines are their one source.
CREATE TABLE invoice (
    seq         INTEGER NOT NULL PRIMARY KEY,
    tenant      TEXT    NOT NULL REFERENCES tenant (id),
    id          TEXT    NOT NULL,
    number      TEXT    NOT NULL,
    customer_id TEXT,
    currency    TEXT    NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('open', 'paid', 'cancelled')),
    issued_at   TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    UNIQUE (tenant, id),
    UNIQUE (tenant, number)
) STRICT;

CREATE INDEX invoice_by_customer ON invoice (tenant, customer_id, issued_at, id);

CREATE TABLE invoice_line (
    invoice     INTEGER NOT NULL REFERENCES invoice (seq) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    sku         TEXT    NOT NULL,
    description TEXT    NOT NULL,
    quantity    INTEGER NOT NULL,
    unit_price  INTEGER NOT NULL,
    PRIMARY KEY (invoice, position)
) STRICT, WITHOUT ROWID;

-- A flag's value of one tenant, or of everybody where the tenant is ''.
CREATE TABLE feature (
    name    TEXT    NOT NULL,
    tenant  TEXT    NOT NULL,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    PRIMARY KEY (name, tenant)
) STRICT, WITHOUT ROWID;

-- A data set that is being, or has been, imported: known by the SHA-256 of its unpacked bytes.
CREATE TABLE import (
    fingerprint TEXT    NOT NULL PRIMARY KEY,
    phase       TEXT    NOT NULL CHECK (phase IN ('reading', 'publishing', 'done')),
    records     INTEGER NOT NULL DEFAULT 0,
    skipped     INTEGER NOT NULL DEFAULT 0,
    invoices    INTEGER NOT NULL DEFAULT 0,
    lines       INTEGER NOT NULL DEFAULT 0,
    refused     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Rows that have been read and are not yet part of an invoice.
CREATE TABLE import_row (
    fingerprint TEXT    NOT NULL REFERENCES import (fingerprint),
    tenant      TEXT    NOT NULL,
    number      TEXT    NOT NULL,
    line        INTEGER NOT NULL,
    tenant_name TEXT    NOT NULL,
    customer_id TEXT,
    issued_at   TEXT    NOT NULL,
    sku         TEXT    NOT NULL,
    description TEXT    NOT NULL,
    quantity    INTEGER NOT NULL,
    unit_price  INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, tenant, number, line)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
