//! The first phase: every row is read, checked and set aside.

use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};
use tokio::sync::mpsc;

use super::{
    ImportError, ImportObserver, Phase,
    row::{Columns, Row},
    source::{Fingerprint, Position, Source},
    staging,
};
use crate::database::Database;

/// Records of one commit.
const BATCH: usize = 5_000;

/// What was read since the batch before.
#[derive(Default)]
pub(super) struct Batch {
    /// Rows to set aside.
    pub(super) rows: Vec<Row>,
    /// Lines that cannot be read, each with the reason.
    pub(super) bad: Vec<(u64, String)>,
    /// Records of the file up to here, good and bad.
    pub(super) records: u64,
    /// Bytes of the file up to here.
    bytes: u64,
}

/// Reads the file from the record where an earlier run stopped, and sets its rows aside.
pub(super) async fn run(
    database: &Database,
    path: &Path,
    file: &Fingerprint,
    already: u64,
    observer: &mut dyn ImportObserver,
) -> Result<(), ImportError> {
    observer.begin(Phase::Reading, file.bytes);
    // Two batches ahead at most, so that memory does not grow when the disk is slower than the parser.
    let (sender, mut batches) = mpsc::channel(2);
    let from = path.to_owned();
    // Ends by itself: at the end of the file, or when `batches` is dropped and its next send fails.
    let reader = tokio::task::spawn_blocking(move || read(&from, already, &sender));
    let mut records = already;
    while let Some(batch) = batches.recv().await {
        for (line, reason) in &batch.bad {
            observer.skipped(*line, reason);
        }
        staging::set_aside(database, &file.digest, records, &batch).await?;
        records = batch.records;
        observer.progress(batch.bytes);
    }
    let read = reader.await.map_err(|_| ImportError::BrokeOff)??;
    if read != *file {
        staging::forget(database, &file.digest).await?;
        return Err(ImportError::Changed {
            path: path.to_owned(),
        });
    }
    staging::all_read(database, &file.digest).await
}

/// Reads the file on a thread that may block, and says at the end what it was.
fn read(
    path: &Path,
    already: u64,
    batches: &mpsc::Sender<Batch>,
) -> Result<Fingerprint, ImportError> {
    let mut source = Source::open(path)?;
    let position = source.position();
    let guard = source.guard();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(source);
    let fault = |error: csv::Error| ImportError::Read {
        path: path.to_owned(),
        source: error.into(),
    };
    let mut record = ByteRecord::new();
    reader.read_byte_record(&mut record).map_err(fault)?;
    let columns = Columns::find(&record).map_err(|column| ImportError::Header {
        path: path.to_owned(),
        column,
    })?;
    let mut batch = Batch::default();
    let mut records = 0;
    while next(&mut reader, &mut record, &guard, &position).map_err(fault)? {
        records += 1;
        if records <= already {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        match Row::read(&columns, &record, line) {
            Ok(row) => batch.rows.push(row),
            Err(reason) => batch.bad.push((line, reason)),
        }
        if batch.rows.len() + batch.bad.len() == BATCH {
            batch.records = records;
            batch.bytes = position.get();
            if batches.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Err(ImportError::BrokeOff);
            }
        }
    }
    batch.records = records;
    batch.bytes = position.get();
    // A receiver that is gone has its own error to report.
    let _ = batches.blocking_send(batch);
    Ok(reader.into_inner().fingerprint())
}

fn next(
    reader: &mut Reader<Source>,
    record: &mut ByteRecord,
    guard: &Position,
    position: &Position,
) -> csv::Result<bool> {
    guard.set(position.get());
    reader.read_byte_record(record)
}
