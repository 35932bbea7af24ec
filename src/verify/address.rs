//! Which addresses may be asked. A name that a provider or an administrator gave can still point inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// On whose word a host is asked, and so which addresses it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// A recipe's: the provider is on the public internet.
    Public,
    /// An administrator listed the name: it may be in the organisation's own network.
    Listed,
    /// An administrator listed this very address, or `localhost`.
    Literal,
}

impl Trust {
    /// Whether an address may be asked.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        let kind = kind(address);
        match self {
            Self::Public => kind == Kind::Public,
            Self::Listed => matches!(kind, Kind::Public | Kind::Private),
            Self::Literal => true,
        }
    }
}

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Public,
    /// Of an organisation's own network.
    Private,
    /// Of this machine, of its link (where clouds keep their metadata), or of no host at all.
    Special,
}

/// Networks that are not public (IANA's registries of special-purpose addresses, RFC 6890 and its successors).
const PRIVATE4: &[([u8; 4], u8)] =
    &[([10, 0, 0, 0], 8), ([100, 64, 0, 0], 10), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)];
const SPECIAL4: &[([u8; 4], u8)] = &[
    ([0, 0, 0, 0], 8),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];
/// Metadata services whose addresses lie in networks that are otherwise private: Alibaba's, and AWS's by IPv6.
const METADATA: &[IpAddr] =
    &[IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))];

fn kind(address: IpAddr) -> Kind {
    if METADATA.contains(&address) {
        return Kind::Special;
    }
    match address {
        IpAddr::V4(v4) => {
            let within = |(net, bits): &([u8; 4], u8)| {
                let shift = 32 - u32::from(*bits);
                u32::from_be_bytes(*net) >> shift == u32::from(v4) >> shift
            };
            match (SPECIAL4.iter().any(within), PRIVATE4.iter().any(within)) {
                (true, _) => Kind::Special,
                (_, true) => Kind::Private,
                _ => Kind::Public,
            }
        }
        IpAddr::V6(v6) => kind6(v6),
    }
}

/// Of IPv6, global unicast (2000::/3) is public but for what maps other addresses or documents: mapped, compatible and
/// translated IPv4 lies outside of it, 6to4 and Teredo inside.
fn kind6(v6: Ipv6Addr) -> Kind {
    let [first, second, ..] = v6.segments();
    match first {
        0xfc00..=0xfdff => Kind::Private,
        // Protocol assignments with Teredo (2001::/23), documentation (2001:db8::/32).
        0x2001 if second < 0x200 || second == 0xdb8 => Kind::Special,
        // 6to4, documentation (3fff::/20).
        0x2002 => Kind::Special,
        0x3fff if second < 0x1000 => Kind::Special,
        0x2000..=0x3fff => Kind::Public,
        _ => Kind::Special,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_points_inside_is_refused_unless_listed() {
        let allowed = |text: &str| {
            let address = text.parse().unwrap();
            [Trust::Public, Trust::Listed, Trust::Literal].map(|trust| trust.allows(address))
        };
        for public in ["140.82.121.6", "8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1", "172.32.0.1", "100.128.0.1"] {
            assert_eq!(allowed(public), [true; 3], "{public}");
        }
        for private in ["10.0.0.1", "172.31.255.1", "192.168.1.1", "100.64.0.1", "fd12::1"] {
            assert_eq!(allowed(private), [false, true, true], "{private}");
        }
        for special in [
            "127.0.0.1",
            "127.8.9.1",
            "0.0.0.0",
            "169.254.169.254",
            "192.88.99.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "3fff::1",
        ] {
            assert_eq!(allowed(special), [false, false, true], "{special}");
        }
    }
}
