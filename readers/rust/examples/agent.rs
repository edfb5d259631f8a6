//! A reader in a process of its own, for tests: commands on standard input, lines and a "." as answers. tests/readers/rust-go.interop.ts
//! says what it asks.

use std::fmt::Write as _;
use std::io::{stdin, stdout, BufRead, Write as _};
use std::time::Duration;

use cpc_image::{Cursor, Error, Image, Journal, Reader, Unusable, Value, Wanted, UNKNOWN};

struct Agent {
    reader: Reader,
    journal: Option<(Journal, Cursor)>,
}

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let mut agent = Agent { reader: Reader::new(name), journal: None };
    for line in stdin().lock().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split('\t').collect();
        let answer = agent.answer(&words).unwrap_or_else(|error| code(&error).to_string() + "\n");
        let mut out = stdout().lock();
        let _ = out.write_all(answer.as_bytes()).and_then(|()| out.write_all(b".\n")).and_then(|()| out.flush());
    }
}

/// What went wrong, in one word.
fn code(error: &Error) -> &'static str {
    match error {
        Error::Missing => "missing",
        Error::System(_) => "system",
        Error::Foreign(_) => "foreign",
        Error::Corrupt(_) => "corrupt",
        Error::Overtaken => "overtaken",
        Error::Elsewhere => "elsewhere",
    }
}

impl Agent {
    fn answer(&mut self, words: &[&str]) -> Result<String, Error> {
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        let number = |index: usize| word(index).parse::<u64>().unwrap_or(0);
        let group = number(1) as usize;
        Ok(match word(0) {
            "dump" => dump(self.reader.image()?)?,
            "wait" => format!("{}\n", u8::from(self.reader.wait(Duration::from_millis(number(1))))),
            "take" => format!("ok {}\n", self.reader.image()?.snapshot(group)?.published),
            "alive" => format!("{}\n", u8::from(self.reader.image()?.has_writer()?)),
            "usable" => {
                usable(self.reader.image()?, word(1), Duration::from_millis(number(2)), word(3) == "uncertain")?
            }
            "numbers" => numbers(self.reader.image()?)?,
            "torn" => torn(&mut self.reader, number(1), word(2) == "checked")?,
            "elsewhere" => elsewhere(self.reader.image()?)?,
            "journal" => {
                let journal = Journal::open(word(1))?;
                let cursor = match word(2) {
                    "end" => journal.end()?,
                    "oldest" => journal.oldest()?,
                    position => journal.at(position.parse().unwrap_or(0)),
                };
                let position = cursor.position;
                self.journal = Some((journal, cursor));
                format!("{position}\n")
            }
            "since" => {
                let (journal, cursor) = self.journal.as_mut().ok_or(Error::Missing)?;
                since(journal, cursor, number(1) as usize)?
            }
            "count" => {
                let (journal, cursor) = self.journal.as_mut().ok_or(Error::Missing)?;
                count(journal, cursor, number(1))?
            }
            _ => "?\n".into(),
        })
    }
}

fn dump(image: &Image) -> Result<String, Error> {
    let service = if image.service == 1 { "opcua" } else { "modbus" };
    let mut out = format!("image\t{service}\t{}\n", image.servers.len());
    for (index, server) in image.servers.iter().enumerate() {
        let state = image.server_state(index)?;
        let names = [&*server.alias, &server.connection_key, &server.connection_description].join("\t");
        let times = [state.changed_ns, state.error_ns, state.certificate_ends_ns, state.own_certificate_ends_ns];
        let times = times.map(|time| time.to_string()).join("\t");
        let _ = writeln!(out, "server\t{names}\t{}\t{times}\t{}", state.connection, hex(state.error.as_bytes()));
        for number in server.groups() {
            let group = &image.groups[number];
            let poll = image.snapshot(number)?;
            let times = [poll.requested_ns, poll.published_ns, poll.last_good_ns, poll.duration_ns];
            let times = times.map(|time| time.to_string()).join("\t");
            let head = format!("{}\t{}\t{}\t{}", group.name, group.interval_ms, poll.connection, poll.cycle);
            let _ = writeln!(out, "group\t{head}\t{times}\t{}", poll.journal_position);
            for reading in poll.readings() {
                let point = &reading.point;
                let texts = [&*point.key, &point.description, &point.unit, &point.source].join("\t");
                let times = format!("{}\t{}", reading.source_ns, reading.received_ns);
                let value = canonical(&reading.value);
                let _ = write!(out, "point\t{texts}\t{}\t{}\t", point.kind, reading.kind);
                let _ = writeln!(out, "{:08x}\t{times}\t{value}", reading.status);
            }
        }
    }
    Ok(out)
}

fn canonical(value: &Value) -> String {
    let list = |values: &[Value]| format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(","));
    match value {
        Value::Null => "null".into(),
        Value::Boolean(value) => value.to_string(),
        Value::Signed(value) => value.to_string(),
        Value::Unsigned(value) => value.to_string(),
        Value::Float(value) if value.is_nan() => "NaN".into(),
        Value::Double(value) if value.is_nan() => "NaN".into(),
        Value::Float(value) => format!("f{:08x}", value.to_bits()),
        Value::Double(value) => format!("d{:016x}", value.to_bits()),
        Value::Text(text) => format!("x{}", hex(text.as_bytes())),
        Value::Bytes(bytes) => format!("x{}", hex(bytes)),
        Value::Array(elements) => list(elements),
        Value::Matrix { dimensions, elements } => {
            let dimensions: Vec<String> = dimensions.iter().map(u32::to_string).collect();
            format!("({}){}", dimensions.join(","), list(elements))
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn usable(image: &Image, key: &str, max_age: Duration, accept_uncertain: bool) -> Result<String, Error> {
    let point = image.point(key).ok_or(Error::Elsewhere)?;
    let reading = image.snapshot(point.group)?.reading(&point)?;
    Ok(match image.usable(&reading, Wanted { max_age, accept_uncertain }) {
        Ok(()) => "usable\n".into(),
        Err(Unusable::WriterDead) => "writer dead\n".into(),
        Err(Unusable::Retired) => "retired\n".into(),
        Err(Unusable::WriterHangs) => "writer hangs\n".into(),
        Err(Unusable::Status(status)) => format!("status {status:08x}\n"),
        Err(Unusable::TooOld(_)) => "too old\n".into(),
    })
}

/// A point of one group is asked of the snapshot of another, and of a snapshot of another opening of the same image.
fn elsewhere(image: &Image) -> Result<String, Error> {
    let [first, .., last] = &image.points[..] else { return Err(Error::Elsewhere) };
    let poll = image.snapshot(first.group)?;
    let errors = [poll.reading(last).err(), poll.reading(first).err(), image.snapshot(image.groups.len()).err()];
    Ok(errors.map(|error| error.as_ref().map_or("none", code)).join(" ") + "\n")
}

/// Counters and histograms: not zero ones only, each with its place.
fn numbers(image: &Image) -> Result<String, Error> {
    let mut out = String::new();
    let mut tell = |what: String, values: &[u64]| {
        let set = values.iter().enumerate().filter(|(_, value)| **value != 0);
        let set: Vec<String> = set.map(|(index, value)| format!("{index}:{value}")).collect();
        let _ = writeln!(out, "{what} {}", set.join(" "));
    };
    tell("service".into(), &image.counters());
    for index in 0..image.servers.len() {
        tell(format!("server {index}"), &image.server_counters(index)?);
    }
    for index in 0..image.groups.len() {
        tell(format!("group {index}"), &image.group_counters(index)?);
        for (which, histogram) in image.histograms(index)?.iter().enumerate() {
            tell(format!("histogram {index} {which}"), &histogram.map(u64::from));
        }
    }
    Ok(out)
}

/// The pattern of torn-pattern.ts: all values follow from the first.
fn torn(reader: &mut Reader, count: u64, is_checked: bool) -> Result<String, Error> {
    let image = reader.image()?;
    let (mut whole, mut torn, mut lapped) = (0, 0, 0);
    for _ in 0..count {
        let copied = if is_checked { image.snapshot(0) } else { image.snapshot_unchecked(0) };
        let Ok(poll) = copied else {
            lapped += 1;
            continue;
        };
        let values = || poll.readings().map(|reading| reading.value.as_f64().unwrap_or(0.0));
        let first = values().next().unwrap_or(0.0);
        let step = if first == 0.0 { 0.0 } else { 1.0 };
        if values().enumerate().all(|(index, value)| value == first + index as f64 * step) {
            whole += 1;
        } else {
            torn += 1;
        }
    }
    Ok(format!("whole {whole} torn {torn} lapped {lapped}\n"))
}

fn lost_text(lost: u64) -> String {
    if lost == UNKNOWN {
        return "unknown".into();
    }
    lost.to_string()
}

fn since(journal: &mut Journal, cursor: &mut Cursor, limit: usize) -> Result<String, Error> {
    let read = journal.since(cursor, limit)?;
    let mut out = format!("lost {}\n", lost_text(read.lost));
    for change in &read.changes {
        let numbers = [change.sequence, change.point as u64, change.group as u64, change.generation.into()];
        let numbers = numbers.map(|number| number.to_string()).join("\t");
        let status = format!("{:08x}", change.status);
        let times = format!("{}\t{}", change.source_ns, change.received_ns);
        let _ = writeln!(out, "change\t{numbers}\t{}\t{status}\t{times}\t{}", change.kind, canonical(&change.value));
    }
    Ok(out)
}

/// Follows until so many changes came or were lost. Each must have the number that its place says, and a value that its number says.
fn count(journal: &mut Journal, cursor: &mut Cursor, until: u64) -> Result<String, Error> {
    let (mut read, mut lost, mut wrong) = (0, 0, 0);
    let mut due = None;
    while read + lost < until {
        let batch = journal.since(cursor, 1000)?;
        if batch.lost != UNKNOWN {
            lost += batch.lost;
            due = due.map(|due: u64| due + batch.lost);
        }
        for change in batch.changes {
            let is_right = due.unwrap_or(change.sequence) == change.sequence;
            let is_whole = change.value.as_f64() == Some(change.sequence as f64);
            wrong += u64::from(!is_right || !is_whole);
            due = Some(change.sequence + 1);
            read += 1;
        }
    }
    Ok(format!("read {read} lost {lost} wrong {wrong}\n"))
}
