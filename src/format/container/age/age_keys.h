#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sign.h"
#include "format/container/age/age_header.h"
#include "system/random.h"

namespace perdure::format {

/// To whom a file is encrypted: X25519 recipients, or one passphrase and nobody else.
struct AgeSeal {
    std::vector<crypto::PublicKey> recipients;
    std::optional<crypto::SecretBytes> passphrase;
    unsigned work_factor = 18;  ///< of scrypt: 2^18 · 1 KiB of memory, as the age program takes

    bool empty() const { return recipients.empty() && !passphrase; }
};

/// What a reader has to open files with; all are tried.
struct AgeKeys {
    std::vector<crypto::Secret32> identities;
    std::optional<crypto::SecretBytes> passphrase;
};

/// "age1…". Fails: invalid.
Result<crypto::PublicKey> parse_age_recipient(std::string_view text);
std::string age_recipient_text(crypto::PublicKey const& key);
/// "AGE-SECRET-KEY-1…". Fails: invalid; the message never repeats the key.
Result<crypto::Secret32> parse_age_identity(std::string_view text);
std::string age_identity_text(crypto::Secret32 const& secret);
/// An identity file as age-keygen writes it: one key a line, comments and empty lines between.
/// Fails: invalid (which line; or none at all).
Result<std::vector<crypto::Secret32>> parse_age_identities(std::string_view text);

/// Stanzas that give `key` to everybody the seal names.
/// Fails: invalid (nobody, or a passphrase beside recipients); denied; exhausted.
Result<std::vector<AgeStanza>> wrap_age_key(AgeFileKey const& key, AgeSeal const& seal,
                                            system::Random& random);
/// Fails: denied (no key fits, or a passphrase is needed or wrong); corrupt; exhausted.
Result<AgeFileKey> unwrap_age_key(AgeHeader const& header, AgeKeys const& keys);

}  // namespace perdure::format
