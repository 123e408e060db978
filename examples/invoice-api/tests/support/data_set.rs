//! Data sets that tests import.

use std::fmt::Write as _;

/// The first row of every data set.
pub const HEADER: &str =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// A data set of these rows.
pub fn file(rows: &[&str]) -> String {
    format!("{HEADER}{}\n", rows.join("\n"))
}

/// Four invoices of two tenants, with the oddities of the real data set.
pub const ROWS: [&str; 6] = [
    "536365,85123A,\"HEART, WHITE \",6,2010-12-01 08:27:00,2.55,17850,United Kingdom",
    "536366,22633,,2,2010-12-01 08:28:00,1.855,,EIRE",
    "536365,71053,LANTERN,1,2010-12-01 08:26:00,3.39,17850,United Kingdom",
    "C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527,United Kingdom",
    "A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,-11062.06,,United Kingdom",
    "536365,71053,LANTERN,1,2010-12-01 08:26:00,3.39,17850,United Kingdom",
];

/// A data set of so many invoices with ten lines each, none of them beside another of its invoice.
pub fn spread(invoices: u32) -> String {
    let mut text = HEADER.to_owned();
    for line in 0..10 {
        for number in 0..invoices {
            writeln!(
                text,
                "{number},S{line},text {line},{line},2010-12-01 08:26:00,1.25,{},Acme",
                number % 7
            )
            .expect("a string");
        }
    }
    text
}
