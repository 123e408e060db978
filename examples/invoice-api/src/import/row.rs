//! One row of the data set, checked.

use csv::ByteRecord;
use jiff::civil::DateTime;

use crate::{
    customers::CustomerId,
    invoices::{Amount, Line, MAX_DESCRIPTION, MAX_NUMBER, MAX_QUANTITY, MAX_SKU},
    tenants::TenantId,
    text,
};

/// The columns, in the order of [`Columns`].
const NAMES: [&str; 8] = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
];

/// Where each column stands in this file.
pub(super) struct Columns {
    places: [usize; NAMES.len()],
    width: usize,
}

impl Columns {
    /// Finds the columns by the names in the first row; the error is the one that is missing.
    pub(super) fn find(header: &ByteRecord) -> Result<Self, &'static str> {
        let mut places = [0; NAMES.len()];
        for (place, name) in places.iter_mut().zip(NAMES) {
            *place = header
                .iter()
                .position(|field| plain(field) == name.as_bytes())
                .ok_or(name)?;
        }
        Ok(Self {
            places,
            width: header.len(),
        })
    }

    /// The text of a field of [`NAMES`].
    fn field<'r>(&self, record: &'r ByteRecord, index: usize) -> Result<&'r str, String> {
        let bytes = record.get(self.places[index]).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", NAMES[index]))
    }
}

/// A column's name without the byte order mark that some programs put before the first.
fn plain(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(name)
        .trim_ascii()
}

/// One row of the data set, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) tenant: TenantId,
    pub(super) tenant_name: String,
    pub(super) number: String,
    pub(super) customer_id: Option<CustomerId>,
    pub(super) issued_at: String,
    pub(super) item: Line,
}

impl Row {
    /// Reads a record; the error is for people and does not repeat what the row holds.
    pub(super) fn read(columns: &Columns, record: &ByteRecord, line: u64) -> Result<Self, String> {
        if record.len() != columns.width {
            return Err(format!(
                "expected {} fields, found {}",
                columns.width,
                record.len()
            ));
        }
        let field = |index| columns.field(record, index);
        let named = |index: usize, limit| {
            text::name(field(index)?, limit)
                .map(str::to_owned)
                .map_err(|error| format!("{} {error}", NAMES[index]))
        };
        let item = Line {
            sku: named(1, MAX_SKU)?,
            description: text::free(field(2)?, MAX_DESCRIPTION)
                .map_err(|error| format!("Description {error}"))?
                .to_owned(),
            quantity: quantity(field(3)?)?,
            unit_price: price(field(5)?)?,
        };
        item.amount()
            .map_err(|error| format!("Quantity times UnitPrice {error}"))?;
        let country = field(7)?;
        Ok(Self {
            line,
            tenant: tenant_of_country(country).ok_or("Country names no tenant")?,
            tenant_name: text::name(country, 64)
                .map_err(|error| format!("Country {error}"))?
                .to_owned(),
            number: named(0, MAX_NUMBER)?,
            customer_id: customer(field(6)?)?,
            issued_at: instant(field(4)?)?,
            item,
        })
    }
}

fn quantity(text: &str) -> Result<i64, String> {
    text.parse()
        .ok()
        .filter(|quantity| (-MAX_QUANTITY..=MAX_QUANTITY).contains(quantity))
        .ok_or_else(|| format!("Quantity must be a whole number within {MAX_QUANTITY}"))
}

fn price(text: &str) -> Result<Amount, String> {
    text.parse::<Amount>()
        .and_then(Amount::limited)
        .map_err(|error| format!("UnitPrice {error}"))
}

fn customer(text: &str) -> Result<Option<CustomerId>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|error| format!("CustomerID {error}"))
}

fn instant(text: &str) -> Result<String, String> {
    DateTime::strptime("%Y-%m-%d %H:%M:%S", text)
        .map(|instant| instant.to_string())
        .map_err(|_| "InvoiceDate must be of the form 2010-12-01 08:26:00".to_owned())
}

/// The tenant of a country: `United Kingdom` is `united-kingdom`. `None` when no letter or digit is left.
pub fn tenant_of_country(country: &str) -> Option<TenantId> {
    let words: Vec<String> = country
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    TenantId::parse(&words.join("-")).ok()
}

#[cfg(test)]
mod tests {
    use csv::ByteRecord;

    use super::{Columns, Row, tenant_of_country};

    fn read(fields: [&str; 8]) -> Result<Row, String> {
        let header = ByteRecord::from(super::NAMES.to_vec());
        let columns = Columns::find(&header).expect("all columns");
        Row::read(&columns, &ByteRecord::from(fields.to_vec()), 7)
    }

    const GOOD: [&str; 8] = [
        "C536379",
        "D",
        "",
        "-1",
        "2010-12-01 09:41:00",
        "-27.5",
        "",
        "United Kingdom",
    ];

    fn with(index: usize, text: &'static str) -> Result<Row, String> {
        let mut fields = GOOD;
        fields[index] = text;
        read(fields)
    }

    #[test]
    fn real_oddities_are_kept() {
        let row = read(GOOD).expect("a row of the data set");
        assert_eq!(row.tenant.as_str(), "united-kingdom");
        assert_eq!(row.customer_id, None);
        assert_eq!(row.issued_at, "2010-12-01T09:41:00");
        assert_eq!((row.item.quantity, row.item.description.as_str()), (-1, ""));
        assert_eq!(row.item.unit_price.to_string(), "-27.50");
    }

    #[test]
    fn a_bad_field_is_named() {
        for (index, text) in [
            (0, ""),
            (1, "a\tb"),
            (3, "1.5"),
            (3, "99999999999999999999"),
            (4, "2010-13-01 09:41:00"),
            (5, "1e9"),
            (7, "!!!"),
        ] {
            let error = with(index, text).expect_err("a bad field");
            assert!(error.starts_with(super::NAMES[index]), "{error}");
        }
    }

    #[test]
    fn columns_are_found_by_name_behind_a_byte_order_mark_and_in_any_order() {
        let mut names = super::NAMES.to_vec();
        names.reverse();
        let mut first = "\u{feff}".to_owned();
        first.push_str(names[0]);
        names[0] = &first;
        assert!(Columns::find(&ByteRecord::from(names.clone())).is_ok());
        names.pop();
        assert_eq!(
            Columns::find(&ByteRecord::from(names)).err(),
            Some("InvoiceNo")
        );
    }

    #[test]
    fn a_country_becomes_a_tenant() {
        let id = |country| tenant_of_country(country).map(|id| id.as_str().to_owned());
        assert_eq!(id("EIRE").as_deref(), Some("eire"));
        assert_eq!(
            id("United Arab Emirates").as_deref(),
            Some("united-arab-emirates")
        );
        assert_eq!(id(" "), None);
    }
}
