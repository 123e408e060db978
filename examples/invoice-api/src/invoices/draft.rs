//! The body of a POST or PUT, and the checked draft of an invoice that it becomes.

use serde::Deserialize;

use super::{Amount, Currency, Invoice, InvoiceId, Line, Status, invoice::total};
use crate::{customers::CustomerId, http::FieldError, text};

/// The most characters of an invoice number.
pub const MAX_NUMBER: usize = 64;
/// The most characters of an article's code.
pub const MAX_SKU: usize = 64;
/// The most characters of a description.
pub const MAX_DESCRIPTION: usize = 1_000;
/// The most lines of an invoice; the largest of the public data set has 1 114.
pub const MAX_LINES: usize = 5_000;
/// The largest quantity of a line, either way.
pub const MAX_QUANTITY: i64 = 1_000_000_000;

/// What a client sends to create or to replace an invoice.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceBody {
    number: String,
    customer_id: String,
    currency: String,
    lines: Vec<LineBody>,
}

/// What a client sends for one line.
#[derive(Clone, Debug, Deserialize)]
pub struct LineBody {
    sku: String,
    #[serde(default)]
    description: String,
    quantity: i64,
    unit_price: String,
}

/// An invoice that has passed every check and has no identity yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The tenant's number.
    pub number: String,
    /// Who is billed.
    pub customer_id: CustomerId,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What is billed.
    pub lines: Vec<Line>,
    /// The exact sum of the lines.
    pub total: Amount,
}

impl Draft {
    /// A new, open invoice of this draft.
    pub fn into_invoice(self, id: InvoiceId) -> Invoice {
        Invoice {
            id,
            number: self.number,
            customer_id: Some(self.customer_id),
            currency: self.currency,
            status: Status::Open,
            lines: self.lines,
            total: self.total,
            version: 1,
        }
    }
}

impl TryFrom<InvoiceBody> for Draft {
    type Error = Vec<FieldError>;

    /// Checks everything and reports all that is wrong, each with the place where it stands.
    fn try_from(body: InvoiceBody) -> Result<Self, Self::Error> {
        let mut errors = Errors::default();
        let number = errors.take("/number", text::name(&body.number, MAX_NUMBER));
        let customer_id = errors.take("/customer_id", body.customer_id.parse::<CustomerId>());
        let currency = errors.take("/currency", Currency::parse(&body.currency));
        let lines = errors.lines(body.lines);
        if !errors.0.is_empty() {
            return Err(errors.0);
        }
        let total = errors.take("/lines", total(&lines));
        match (number, customer_id, currency, total) {
            (Some(number), Some(customer_id), Some(currency), Some(total)) => Ok(Self {
                number: number.to_owned(),
                customer_id,
                currency,
                lines,
                total,
            }),
            _ => Err(errors.0),
        }
    }
}

/// Everything that is wrong with a body.
#[derive(Default)]
struct Errors(Vec<FieldError>);

impl Errors {
    fn take<T>(&mut self, pointer: &str, checked: Result<T, impl ToString>) -> Option<T> {
        checked
            .map_err(|error| self.0.push(FieldError::new(pointer, error.to_string())))
            .ok()
    }

    fn lines(&mut self, bodies: Vec<LineBody>) -> Vec<Line> {
        if bodies.is_empty() || bodies.len() > MAX_LINES {
            let detail = format!("must have between 1 and {MAX_LINES} lines");
            self.0.push(FieldError::new("/lines", detail));
            return Vec::new();
        }
        let mut lines = Vec::with_capacity(bodies.len());
        for (position, body) in bodies.into_iter().enumerate() {
            // Twenty faults say enough; a hostile body must not make a longer answer than itself.
            if self.0.len() >= 20 {
                break;
            }
            lines.extend(self.line(&format!("/lines/{position}"), body));
        }
        lines
    }

    fn line(&mut self, at: &str, body: LineBody) -> Option<Line> {
        let sku = self.take(&format!("{at}/sku"), text::name(&body.sku, MAX_SKU));
        let description = self.take(
            &format!("{at}/description"),
            text::free(&body.description, MAX_DESCRIPTION),
        );
        let quantity = self.take(&format!("{at}/quantity"), quantity(body.quantity));
        let unit_price = self.take(&format!("{at}/unit_price"), price(&body.unit_price));
        let line = Line {
            sku: sku?.to_owned(),
            description: description?.to_owned(),
            quantity: quantity?,
            unit_price: unit_price?,
        };
        self.take(
            at,
            line.amount().map_err(|error| format!("the amount {error}")),
        )?;
        Some(line)
    }
}

fn quantity(quantity: i64) -> Result<i64, String> {
    if (0..=MAX_QUANTITY).contains(&quantity) {
        Ok(quantity)
    } else {
        Err(format!("must be between 0 and {MAX_QUANTITY}"))
    }
}

fn price(text: &str) -> Result<Amount, String> {
    let price = text
        .parse::<Amount>()
        .and_then(Amount::limited)
        .map_err(|error| error.to_string())?;
    if price.is_negative() {
        return Err("must not be negative".to_owned());
    }
    Ok(price)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Draft, InvoiceBody};

    fn check(body: Value) -> Result<Draft, Vec<String>> {
        let body: InvoiceBody = serde_json::from_value(body).expect("the shape of a body");
        Draft::try_from(body).map_err(|errors| {
            errors
                .into_iter()
                .map(|error| error.pointer().to_owned())
                .collect()
        })
    }

    fn body(quantity: i64, unit_price: &str) -> Value {
        json!({"number": "A-1", "customer_id": "17850", "currency": "GBP",
               "lines": [{"sku": "85123A", "quantity": quantity, "unit_price": unit_price}]})
    }

    #[test]
    fn a_good_body_becomes_a_draft_with_its_exact_total() {
        let draft = check(body(6, "2.55")).expect("a good body");
        assert_eq!(draft.total.to_string(), "15.30");
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let errors = check(
            json!({"number": " ", "customer_id": "a\u{0}b", "currency": "gbp",
            "lines": [{"sku": "", "quantity": -1, "unit_price": "-0.01"}]}),
        );
        assert_eq!(
            errors.expect_err("a bad body"),
            [
                "/number",
                "/customer_id",
                "/currency",
                "/lines/0/sku",
                "/lines/0/quantity",
                "/lines/0/unit_price"
            ]
        );
    }

    #[test]
    fn an_overflowing_line_or_total_is_refused() {
        let line = check(body(1_000_000_000, "1000000000"));
        assert_eq!(line.expect_err("too large"), ["/lines/0"]);
        let mut two = body(1, "1000000000000");
        two["lines"] = json!([two["lines"][0], two["lines"][0]]);
        assert_eq!(check(two).expect_err("too large"), ["/lines"]);
    }

    #[test]
    fn no_lines_or_too_many_are_refused() {
        let mut none = body(1, "1");
        none["lines"] = json!([]);
        assert_eq!(check(none).expect_err("no lines"), ["/lines"]);
        let mut many = body(1, "1");
        many["lines"] = Value::Array(vec![many["lines"][0].clone(); 5_001]);
        assert_eq!(check(many).expect_err("too many"), ["/lines"]);
    }
}
