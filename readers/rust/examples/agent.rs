//! A reader in a process of its own, for tests: commands on standard input, lines and a "." as answers. tests/readers/rust-go.interop.ts
//! says what it asks.

use std::fmt::Write as _;
use std::io::{stdin, stdout, BufRead, Error, ErrorKind, Result, Write as _};
use std::sync::Arc;
use std::time::Duration;

use cpc_image::{Cursor, Image, Journal, Reader, Text, Value, OLDEST, UNKNOWN};

/// The members of an object of JSON, whose values are JSON.
macro_rules! json {
    ($($name:ident: $value:expr),+) => {
        [$(format!("\"{}\":{}", stringify!($name), $value)),+].join(",")
    };
}

struct Agent {
    name: String,
    reader: Reader,
    journal: Option<(Journal, Cursor)>,
}

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let mut agent = Agent { reader: Reader::new(&name), name, journal: None };
    for line in stdin().lock().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split('\t').collect();
        let answer = agent.answer(&words).unwrap_or_else(|error| code(&error).to_string() + "\n");
        let mut out = stdout().lock();
        let _ = out.write_all(answer.as_bytes()).and_then(|()| out.write_all(b".\n")).and_then(|()| out.flush());
    }
}

/// What went wrong, in one word.
fn code(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "missing",
        ErrorKind::InvalidData => "corrupt",
        ErrorKind::WouldBlock => "overtaken",
        ErrorKind::InvalidInput => "elsewhere",
        _ => "system",
    }
}

fn error(kind: ErrorKind) -> Error {
    Error::from(kind)
}

impl Agent {
    fn answer(&mut self, words: &[&str]) -> Result<String> {
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        let number = |index: usize| word(index).parse::<u64>().unwrap_or(0);
        let group = number(1) as usize;
        Ok(match word(0) {
            "open" => {
                Image::open(word(1))?;
                "readable\n".into()
            }
            "image" => image_json(&self.reader.image()?)?,
            "wait" => format!("{}\n", u8::from(self.reader.wait(Duration::from_millis(number(1))))),
            "patience" => {
                self.reader.longest_sleep = Duration::from_millis(number(1));
                "\n".into()
            }
            "take" => format!("ok {}\n", self.reader.image()?.snapshot(group)?.published),
            "alive" => format!("{}\n", u8::from(is_alive(&self.reader.image()?)?)),
            "usable" => {
                usable(&self.reader.image()?, word(1), Duration::from_millis(number(2)), word(3) == "uncertain")?
            }
            "torn" => torn(&self.name, number(1), word(2) == "checked")?,
            "elsewhere" => elsewhere(&self.reader.image()?)?,
            "journal" => {
                let mut journal = Journal::open(word(1))?;
                let head = journal_json(&mut journal)?;
                let cursor = journal.end()?;
                self.journal = Some((journal, cursor));
                head
            }
            "from" => {
                let (_, cursor) = self.journal.as_mut().ok_or_else(|| error(ErrorKind::NotFound))?;
                *cursor = Cursor { position: number(1), sequence: word(2).parse().ok() };
                cursor_json(*cursor) + "\n"
            }
            "since" => {
                let (journal, cursor) = self.journal.as_mut().ok_or_else(|| error(ErrorKind::NotFound))?;
                since(journal, cursor, number(1) as usize)?
            }
            "count" => {
                let (journal, cursor) = self.journal.as_mut().ok_or_else(|| error(ErrorKind::NotFound))?;
                count(journal, cursor, number(1))?
            }
            _ => "?\n".into(),
        })
    }
}

/// As in the test vectors: readers/vectors/README.md.
fn image_json(image: &Arc<Image>) -> Result<String> {
    let header = image.header();
    let numbers = json!(generation: header.generation, pointsSince: header.points_since, publications: header.publications,
        intervalMs: header.interval_ms, isRetired: header.state != 1);
    let text = |text: Text| quoted(&image.text(text));
    let times = json!(startedNs: big(header.started_ns), heartbeatNs: big(header.heartbeat_ns));
    let mut servers = Vec::new();
    for (index, server) in image.servers.iter().enumerate() {
        let state = image.server_state(index)?;
        let counted = counters(&state.counters[..8]);
        let state = json!(connection: state.connection, changedNs: big(state.changed_ns), error: quoted(&state.error()),
            errorNs: big(state.error_ns), certificateEndsNs: big(state.certificate_ends_ns),
            ownCertificateEndsNs: big(state.own_certificate_ends_ns), requestLimit: state.request_limit);
        let groups = server.first_group..server.first_group + server.group_count;
        let groups = groups.map(|group| group_json(image, group as usize)).collect::<Result<Vec<_>>>()?;
        servers.push(format!(
            "{{{}}}",
            json!(alias: text(server.alias), connectionKey: text(server.connection_key),
            connectionDescription: text(server.connection_description), security: server.security,
            counters: counted, state: format!("{{{state}}}"), groups: list(groups))
        ));
    }
    let counted = json!(service: service(header.service), services: header.services, counters: counters(&header.counters[..3]), servers: list(servers));
    Ok(format!("{{{numbers},{times},{counted}}}\n"))
}

fn group_json(image: &Arc<Image>, number: usize) -> Result<String> {
    let group = &image.groups[number];
    let statistics = image.statistics(number)?;
    let histograms = statistics.histograms.map(|histogram| {
        let counted = histogram.iter().enumerate().filter(|(_, count)| **count > 0);
        list(counted.map(|(element, count)| format!("[{element},{count}]")))
    });
    let [duration, received, published] = &histograms;
    let histograms = json!(pollDuration: duration, sourceToReceived: received, receivedToPublished: published);
    let snapshot = image.snapshot(number)?;
    let poll = &snapshot.poll;
    let points = snapshot.readings().map(|reading| {
        let point = reading.point;
        let texts = json!(key: quoted(&image.text(point.key)), description: quoted(&image.text(point.description)), unit: quoted(&image.text(point.unit)),
            source: quoted(&image.text(point.source)), type: point.type_number, serverPosition: point.server_position, enumeration: quoted(&image.text(point.enumeration)));
        let record = reading.record;
        let times = json!(status: record.status, sourceNs: big(record.source_ns), receivedNs: big(record.received_ns));
        format!("{{{texts},\"reading\":{{{times},{}}}}}", typed(record.type_number, &reading.value))
    });
    let shown = json!(connection: poll.connection, cycle: big(poll.cycle), requestedNs: big(poll.requested_ns),
        publishedNs: big(poll.published_ns), lastGoodNs: big(poll.last_good_ns), durationNs: big(poll.duration_ns),
        journalPosition: big(poll.journal_position), points: list(points));
    let head = json!(name: quoted(&image.text(group.name)), intervalMs: group.interval_ms, firstPoint: group.first_point,
        counters: counters(&statistics.counters[..2]), histograms: format!("{{{histograms}}}"),
        published: snapshot.published, poll: format!("{{{shown}}}"));
    Ok(format!("{{{head}}}"))
}

fn service(number: u32) -> &'static str {
    ["\"modbus\"", "\"opcua\""][usize::from(number == 1)]
}

fn list(parts: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", parts.into_iter().collect::<Vec<_>>().join(","))
}

fn big(number: impl std::fmt::Display) -> String {
    format!("\"{number}\"")
}

fn counters(all: &[u64]) -> String {
    list(all.iter().map(big))
}

fn quoted(text: &str) -> String {
    let escaped = text.chars().fold(String::new(), |mut done, character| {
        let _ = match character {
            '"' | '\\' => write!(done, "\\{character}"),
            '\0'..='\x1f' => write!(done, "\\u{:04x}", u32::from(character)),
            _ => write!(done, "{character}"),
        };
        done
    });
    format!("\"{escaped}\"")
}

fn typed(kind: u8, value: &Value) -> String {
    let flat = |elements: &[Value]| list(elements.iter().map(|element| scalar(kind, element)));
    match value {
        Value::Array(elements) => json!(type: kind, value: flat(elements)),
        Value::Matrix(dimensions, elements) => {
            json!(type: kind, value: flat(elements), dimensions: list(dimensions.iter().map(u32::to_string)))
        }
        value => json!(type: kind, value: scalar(kind, value)),
    }
}

fn scalar(kind: u8, value: &Value) -> String {
    match value {
        Value::Signed(value) if matches!(kind, 8 | 13) => big(value),
        Value::Unsigned(value) if kind == 9 => big(value),
        Value::Boolean(value) => value.to_string(),
        Value::Signed(value) => value.to_string(),
        Value::Unsigned(value) => value.to_string(),
        Value::Float(value) => number(f64::from(*value)),
        Value::Double(value) => number(*value),
        Value::Text(text) => quoted(text),
        Value::Bytes(bytes) => big(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        _ => "null".into(),
    }
}

fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => big("NaN"),
        value if value.is_infinite() => big(["-Infinity", "Infinity"][usize::from(value > 0.0)]),
        value if value == 0.0 && value.is_sign_negative() => big("-0"),
        value => value.to_string(),
    }
}

fn usable(image: &Arc<Image>, key: &str, max_age: Duration, accept_uncertain: bool) -> Result<String> {
    let point = image.find(key).ok_or(ErrorKind::InvalidInput)?;
    let snapshot = image.snapshot(image.points[point].group as usize)?;
    let reading = snapshot.reading(point)?;
    Ok(match reading.usable(max_age, accept_uncertain) {
        Ok(()) => "usable\n".into(),
        Err(why) if why.starts_with("the status") => format!("status {:08x}\n", reading.record.status),
        Err(why) => why.replace("the ", "").replace("image is ", "").replace("is ", "").replace("value ", "") + "\n",
    })
}

/// Nothing but a dead writer comes before the other reasons.
fn is_alive(image: &Arc<Image>) -> Result<bool> {
    let poll = image.snapshot(0)?;
    Ok(poll.reading(0)?.usable(Duration::MAX, true) != Err("the writer is dead"))
}

/// A point of one group is asked of the snapshot of another.
fn elsewhere(image: &Arc<Image>) -> Result<String> {
    let poll = image.snapshot(0)?;
    let last = poll.reading(image.points.len() - 1).err();
    let errors = [last, poll.reading(0).err(), image.snapshot(image.groups.len()).err()];
    Ok(errors.map(|error| error.as_ref().map_or("none", code)).join(" ") + "\n")
}

/// The pattern of torn-pattern.ts: all values follow from the first.
fn torn(name: &str, count: u64, is_checked: bool) -> Result<String> {
    let mut image = Image::open(name)?;
    Arc::get_mut(&mut image).ok_or(ErrorKind::NotFound)?.is_unchecked = !is_checked;
    let (mut whole, mut torn, mut lapped) = (0, 0, 0);
    for _ in 0..count {
        let copied = image.snapshot(0);
        let Ok(poll) = copied else {
            lapped += 1;
            continue;
        };
        let values = || {
            poll.readings().map(|reading| match reading.value {
                Value::Double(value) => value,
                _ => 0.0,
            })
        };
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

fn cursor_json(cursor: Cursor) -> String {
    let sequence = cursor.sequence.map_or("null".into(), big);
    format!("{{{}}}", json!(position: big(cursor.position), sequence: sequence))
}

fn journal_json(journal: &mut Journal) -> Result<String> {
    let end = journal.end()?;
    let oldest = journal
        .since(&mut OLDEST.clone(), 1)?
        .pop()
        .map_or(end, |change| Cursor { position: change.position, sequence: Some(change.record.sequence) });
    let (service, started) = (service(journal.header.service), big(journal.header.started_ns));
    let head = json!(service: service, startedNs: started, end: cursor_json(end), oldest: cursor_json(oldest));
    Ok(format!("{{{head}}}\n"))
}

/// Everything from the cursor on, in calls with a limit each.
fn since(journal: &mut Journal, cursor: &mut Cursor, limit: usize) -> Result<String> {
    let (mut lost, mut changes) = (0_u64, Vec::new());
    loop {
        let read = journal.since(cursor, limit)?;
        if read.is_empty() {
            break;
        }
        changes.extend(read.iter().map(|change| {
            lost = lost.saturating_add(change.lost);
            let record = &change.record;
            let places = json!(position: big(change.position), sequence: big(record.sequence), point: record.point,
                group: record.group, generation: record.generation, status: record.status);
            let times = json!(sourceNs: big(record.source_ns), receivedNs: big(record.received_ns), publishedNs: big(record.published_ns));
            format!("{{{places},{times},{}}}", typed(record.type_number, &change.value))
        }));
    }
    let lost = if lost == UNKNOWN { big("unknown") } else { big(lost) };
    Ok(format!("{{{}}}\n", json!(lost: lost, cursor: cursor_json(*cursor), changes: list(changes))))
}

/// Follows until so many changes came or were lost. Each must have the number that its place says, and a value that its number says.
fn count(journal: &mut Journal, cursor: &mut Cursor, until: u64) -> Result<String> {
    let (mut read, mut lost, mut wrong) = (0, 0, 0);
    let mut due = None;
    while read + lost < until {
        for change in journal.since(cursor, 1000)? {
            let sequence = change.record.sequence;
            let known = if change.lost == UNKNOWN { 0 } else { change.lost };
            let is_right = due.map_or(true, |due: u64| due + known == sequence);
            let is_whole = change.value == Value::Double(sequence as f64);
            wrong += u64::from(!is_right || !is_whole);
            due = Some(sequence + 1);
            read += 1;
            lost += known;
        }
    }
    Ok(format!("read {read} lost {lost} wrong {wrong}\n"))
}
