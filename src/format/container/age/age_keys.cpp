#include "format/container/age/age_keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "crypto/chacha.h"
#include "crypto/derive.h"
#include "crypto/exchange.h"
#include "crypto/hash.h"
#include "format/container/age/bech32.h"

namespace perdure::format {

namespace {

constexpr std::string_view recipient_prefix = "age";
constexpr std::string_view identity_prefix = "age-secret-key-";
constexpr std::string_view x25519_label = "age-encryption.org/v1/X25519";
constexpr std::string_view scrypt_label = "age-encryption.org/v1/scrypt";
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t wrapped_bytes = AgeFileKey::size + crypto::chacha_overhead_bytes;
/// A file key is sealed once under each wrapping key, so its nonce is zero (age's specification).
constexpr crypto::Nonce12 no_nonce{};

crypto::Secret32 wrapping_key(crypto::Secret32 const& shared, crypto::PublicKey const& share,
                              crypto::PublicKey const& recipient) {
    Bytes salt = to_bytes(share.view());
    append(salt, recipient.view());
    return crypto::hkdf(shared.view(), salt, as_bytes(x25519_label));
}

Bytes wrap(crypto::Secret32 const& with, AgeFileKey const& key) {
    Bytes body(wrapped_bytes);
    crypto::chacha_seal_into(with, no_nonce, key.view(), body);
    return body;
}

Result<AgeFileKey> unwrap(crypto::Secret32 const& with, ByteView body) {
    if (body.size() != wrapped_bytes) {
        return fail(Fault::corrupt, "the age header holds a file key of a wrong length");
    }
    AgeFileKey key;
    PD_CHECK(crypto::chacha_open_into(with, no_nonce, body, key.span()));
    return key;
}

Result<AgeStanza> wrap_for(AgeFileKey const& key, crypto::PublicKey const& recipient,
                           system::Random& random) {
    crypto::Secret32 ephemeral;
    random.fill(ephemeral.span());
    auto const share = crypto::x25519_public(ephemeral);
    PD_TRY(auto const shared, crypto::x25519_shared(ephemeral, recipient));
    return AgeStanza{{"X25519", to_base64_bare(share.view())},
                     wrap(wrapping_key(shared, share, recipient), key)};
}

Bytes scrypt_salt(ByteView salt) {
    auto labelled = to_bytes(scrypt_label);
    append(labelled, salt);
    return labelled;
}

Result<AgeStanza> wrap_by_passphrase(AgeFileKey const& key, AgeSeal const& seal,
                                     system::Random& random) {
    Bytes salt(salt_bytes);
    random.fill(salt);
    PD_TRY(auto const with,
           crypto::scrypt(seal.passphrase->view(), scrypt_salt(salt), seal.work_factor));
    return AgeStanza{{"scrypt", to_base64_bare(salt), std::to_string(seal.work_factor)},
                     wrap(with, key)};
}

/// Empty when no identity is the one it was made for.
Result<std::optional<AgeFileKey>> try_identities(AgeStanza const& stanza, AgeKeys const& keys) {
    if (stanza.words.size() != 2) return fail(Fault::corrupt, "an X25519 stanza of a wrong shape");
    auto const bytes = from_base64_bare(stanza.words[1]);
    if (!bytes || bytes->size() != crypto::PublicKey::size) {
        return fail(Fault::corrupt, "an X25519 stanza without a share");
    }
    if (stanza.body.size() != wrapped_bytes) {
        return fail(Fault::corrupt, "the age header holds a file key of a wrong length");
    }
    PD_TRY(auto const share, crypto::PublicKey::from(*bytes));
    for (auto const& identity : keys.identities) {
        auto const shared = crypto::x25519_shared(identity, share);
        if (!shared) return fail(Fault::corrupt, "an X25519 stanza with a share of low order");
        auto key =
            unwrap(wrapping_key(*shared, share, crypto::x25519_public(identity)), stanza.body);
        if (key) return std::optional<AgeFileKey>(*key);
    }
    return std::optional<AgeFileKey>();
}

Result<AgeFileKey> unwrap_by_passphrase(AgeStanza const& stanza, AgeKeys const& keys) {
    unsigned factor = 0;
    bool good = stanza.words.size() == 3;
    if (good) {
        auto const& digits = stanza.words[2];
        auto const parsed = std::from_chars(digits.data(), digits.data() + digits.size(), factor);
        good = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() &&
               digits.front() != '0';
    }
    auto const salt = good ? from_base64_bare(stanza.words[1]) : Result<Bytes>(Bytes{});
    if (!good || !salt || salt->size() != salt_bytes) {
        return fail(Fault::corrupt, "a scrypt stanza of a wrong shape");
    }
    if (!keys.passphrase) {
        return fail(Fault::denied, "the file is encrypted with a passphrase")
            .with_fix("give it: --passphrase-file FILE");
    }
    PD_TRY(auto const with, crypto::scrypt(keys.passphrase->view(), scrypt_salt(*salt), factor));
    auto key = unwrap(with, stanza.body);
    if (!key && stanza.body.size() == wrapped_bytes) {
        return fail(Fault::denied, "the passphrase is wrong");
    }
    return key;
}

}  // namespace

Result<crypto::PublicKey> parse_age_recipient(std::string_view text) {
    auto const parsed = from_bech32(text);
    if (!parsed || parsed->prefix != recipient_prefix ||
        parsed->data.size() != crypto::PublicKey::size || !text.starts_with("age1")) {
        return fail(Fault::invalid, fmt::format("\"{}\" is no age recipient", text))
            .with_fix("a recipient starts with age1 and comes from age-keygen");
    }
    return crypto::PublicKey::from(parsed->data);
}

std::string age_recipient_text(crypto::PublicKey const& key) {
    return to_bech32(recipient_prefix, key.view());
}

Result<crypto::Secret32> parse_age_identity(std::string_view text) {
    auto parsed = from_bech32(text);
    if (!parsed || parsed->prefix != identity_prefix ||
        parsed->data.size() != crypto::Secret32::size || !text.starts_with("AGE-SECRET-KEY-1")) {
        return fail(Fault::invalid, "no age identity (AGE-SECRET-KEY-1…)");
    }
    crypto::Secret32 secret;
    std::ranges::copy(parsed->data, secret.span().begin());
    crypto::wipe(parsed->data);
    return secret;
}

std::string age_identity_text(crypto::Secret32 const& secret) {
    auto text = to_bech32(identity_prefix, secret.view());
    for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

Result<std::vector<crypto::Secret32>> parse_age_identities(std::string_view text) {
    std::vector<crypto::Secret32> identities;
    for (unsigned line_number = 1; !text.empty(); ++line_number) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.starts_with('#')) continue;
        auto identity = parse_age_identity(line);
        if (!identity) {
            return Error(identity.error()).within(fmt::format("line {}", line_number));
        }
        identities.push_back(*identity);
    }
    if (identities.empty()) return fail(Fault::invalid, "the file holds no age identity");
    return identities;
}

Result<std::vector<AgeStanza>> wrap_age_key(AgeFileKey const& key, AgeSeal const& seal,
                                            system::Random& random) {
    if (seal.empty()) return fail(Fault::invalid, "nobody is named to encrypt to");
    if (seal.passphrase && !seal.recipients.empty()) {
        return fail(Fault::invalid, "age takes recipients or a passphrase, not both");
    }
    std::vector<AgeStanza> stanzas;
    for (auto const& recipient : seal.recipients) {
        PD_TRY(auto stanza, wrap_for(key, recipient, random));
        stanzas.push_back(std::move(stanza));
    }
    if (seal.passphrase) {
        PD_TRY(auto stanza, wrap_by_passphrase(key, seal, random));
        stanzas.push_back(std::move(stanza));
    }
    return stanzas;
}

Result<AgeFileKey> unwrap_age_key(AgeHeader const& header, AgeKeys const& keys) {
    std::optional<AgeFileKey> found;
    for (auto const& stanza : header.stanzas) {
        if (stanza.words.front() == "scrypt") {
            // Else somebody who knows the file key could add a passphrase of theirs.
            if (header.stanzas.size() != 1) {
                return fail(Fault::corrupt, "a passphrase stands beside other recipients");
            }
            PD_TRY(found, unwrap_by_passphrase(stanza, keys));
        } else if (stanza.words.front() == "X25519" && !found) {
            PD_TRY(found, try_identities(stanza, keys));
        }
    }
    if (!found) {
        return fail(Fault::denied, "the file is encrypted, and no key at hand opens it")
            .with_fix("give the identity of one of its recipients: --identity FILE");
    }
    auto const mac = age_header_mac(*found, header.covered);
    if (!crypto::equal_constant_time(mac.view(), header.mac.view())) {
        return fail(Fault::corrupt, "the age header was changed");
    }
    return *found;
}

}  // namespace perdure::format
