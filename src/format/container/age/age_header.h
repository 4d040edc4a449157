#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace perdure::format {

using AgeFileKey = crypto::Secret<16>;

/// One way to come by the file key: for one recipient, or by a passphrase.
struct AgeStanza {
    std::vector<std::string> words;  ///< "X25519" and the share, "scrypt" and salt and cost
    Bytes body;
};

/// The header of an age file (age-encryption.org/v1): stanzas, then a MAC under the file key.
struct AgeHeader {
    std::vector<AgeStanza> stanzas;
    crypto::Secret32 mac;  ///< as read; to compare with mac_of
    std::string covered;   ///< the text that the MAC covers, up to and with "---"

    /// Fails: corrupt (what is wrong with which line). `text` is the whole header with its last
    /// line feed.
    static Result<AgeHeader> parse(std::string_view text);
};

/// The longest header that is read; a recipient costs about 150 bytes.
inline constexpr std::size_t age_header_max = 1 << 20;

std::string age_header_text(std::vector<AgeStanza> const& stanzas, AgeFileKey const& key);
crypto::Secret32 age_header_mac(AgeFileKey const& key, std::string_view covered);

/// Base64 without padding, canonical (no bits set that are cut off).
std::string to_base64_bare(ByteView bytes);
Result<Bytes> from_base64_bare(std::string_view text);

}  // namespace perdure::format
