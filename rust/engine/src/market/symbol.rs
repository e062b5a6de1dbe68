//! Symbols as ccxt writes them: `BASE/QUOTE:SETTLE`, dated ones with `-YYMMDD`.

/// The parts of a contract's symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symbol<'a> {
    pub(super) base: &'a str,
    pub(super) quote: &'a str,
    pub(super) settle: &'a str,
    /// `YYMMDD`.
    pub(super) expiry: Option<&'a str>,
}

impl<'a> Symbol<'a> {
    /// The parts of a symbol, or `None` where it is not one of a contract.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (base, rest) = text.split_once('/')?;
        let (quote, rest) = rest.split_once(':')?;
        let (settle, expiry) = match rest.split_once('-') {
            None => (rest, None),
            Some((settle, expiry)) => (settle, Some(expiry)),
        };
        let word = |part: &str| !part.is_empty() && !part.contains(['/', ':']) && !part.contains(char::is_whitespace);
        let dated = expiry.is_none_or(|date| date.len() == 6 && date.bytes().all(|b| b.is_ascii_digit()));
        (word(base) && word(quote) && word(settle) && dated).then_some(Self { base, quote, settle, expiry })
    }

    /// The name that a pattern such as `{base}{quote}` gives it.
    pub(super) fn named(&self, pattern: &str) -> String {
        pattern
            .replace("{base}", self.base)
            .replace("{quote}", self.quote)
            .replace("{settle}", self.settle)
            .replace("{expiry}", self.expiry.unwrap_or_default())
    }

    /// The day of expiry, `YYYY-MM-DD`.
    pub(super) fn expiry_date(&self) -> Option<String> {
        let date = self.expiry?;
        Some(format!("20{}-{}-{}", &date[..2], &date[2..4], &date[4..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_symbol_parse_perpetual_and_dated() {
        let perpetual = Symbol::parse("BTC/USDT:USDT").unwrap();
        assert_eq!(
            (perpetual.base, perpetual.quote, perpetual.settle, perpetual.expiry),
            ("BTC", "USDT", "USDT", None)
        );
        let dated = Symbol::parse("BTC/USDT:USDT-241227").unwrap();
        assert_eq!(dated.named("{base}{quote}_{expiry}"), "BTCUSDT_241227");
        assert_eq!(dated.expiry_date().as_deref(), Some("2024-12-27"));
    }

    #[test]
    fn test_symbol_parse_other_forms_gives_none() {
        let others = ["BTCUSDT", "BTC/USDT", "/USDT:USDT", "BTC/USDT:", "BTC/USDT:USDT-2412", "BTC/USDT:USDT-24122x"];
        for text in others {
            assert_eq!(Symbol::parse(text), None, "{text}");
        }
    }
}
