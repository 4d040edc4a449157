#include "format/container/minisign/minisign.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/codec.h"
#include "crypto/exchange.h"

namespace perdure::format {

namespace {

constexpr std::string_view untrusted_mark = "untrusted comment: ";
constexpr std::string_view trusted_mark = "trusted comment: ";
constexpr std::string_view public_algorithm = "Ed", prehashed_algorithm = "ED";
constexpr std::string_view checksum_algorithm = "B2", scrypt_algorithm = "Sc";
constexpr std::string_view no_algorithm{"\0\0", 2};
constexpr std::size_t sealed_key_bytes = MinisignId::size + 64 + 32;  // id, key, checksum
constexpr std::size_t file_max = 64 << 10;

Error no_file(std::string_view what) {
    return fail(Fault::invalid, fmt::format("this is no minisign {}", what));
}

std::string_view take_line(std::string_view& rest) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// The bytes of the line after an untrusted comment.
Result<Bytes> take_commented(std::string_view& rest, std::string_view what) {
    if (rest.size() > file_max || !take_line(rest).starts_with(untrusted_mark))
        return no_file(what);
    auto bytes = from_base64(take_line(rest));
    if (!bytes) return no_file(what);
    return bytes;
}

Bytes key_checksum(MinisignKey const& key) {
    Bytes covered = to_bytes(public_algorithm);
    append(covered, key.id.view());
    append(covered, key.pair.seed.view());
    append(covered, key.pair.open.view());
    auto const sum = crypto::blake2b_256(covered);
    crypto::wipe(covered);
    return to_bytes(sum.view());
}

}  // namespace

// ---- public keys
// ---------------------------------------------------------------------------------

std::string MinisignPublicKey::id_text() const {
    std::uint64_t number = 0;
    for (std::size_t i = 8; i-- > 0;) {
        number = number << 8 | std::to_integer<std::uint64_t>(id.bytes[i]);
    }
    return fmt::format("{:016X}", number);
}

std::string MinisignPublicKey::line() const {
    Bytes bytes = to_bytes(public_algorithm);
    append(bytes, id.view());
    append(bytes, key.view());
    return to_base64(bytes);
}

std::string MinisignPublicKey::file() const {
    return fmt::format("{}minisign public key {}\n{}\n", untrusted_mark, id_text(), line());
}

Result<MinisignPublicKey> MinisignPublicKey::parse(std::string_view line_or_file) {
    auto rest = line_or_file;
    if (rest.starts_with(untrusted_mark)) take_line(rest);
    auto const bytes = from_base64(take_line(rest));
    if (!bytes) return no_file("public key");
    Decoder in(*bytes);
    auto const algorithm = in.raw(2);
    if (!algorithm || as_text(*algorithm) != public_algorithm) return no_file("public key");
    auto id = in.id<MinisignId>();
    auto key = in.id<crypto::VerifyKey>();
    if (!id || !key || !in.done()) return no_file("public key");
    return MinisignPublicKey{*id, *key};
}

// ---- secret keys
// ---------------------------------------------------------------------------------

MinisignKey MinisignKey::make(system::Random& random) {
    return {random.draw<MinisignId>(), crypto::make_sign_pair(random)};
}

std::string MinisignKey::file() const {
    Bytes bytes;
    for (auto const part : {public_algorithm, no_algorithm, checksum_algorithm}) {
        append(bytes, as_bytes(part));
    }
    bytes.resize(bytes.size() + 32 + 8 + 8);  // salt and limits of a passphrase there is not
    append(bytes, id.view());
    append(bytes, pair.seed.view());
    append(bytes, pair.open.view());
    append(bytes, key_checksum(*this));
    auto text =
        fmt::format("{}minisign encrypted secret key\n{}\n", untrusted_mark, to_base64(bytes));
    crypto::wipe(bytes);
    return text;
}

Result<MinisignKey> MinisignKey::parse(std::string_view file, ByteView passphrase) {
    PD_TRY(auto bytes, take_commented(file, "secret key"));
    crypto::SecretBytes const wiped(to_bytes(ByteView(bytes)));
    crypto::wipe(bytes);
    Decoder in(wiped.view());
    auto const algorithms = in.raw(6);
    auto const salt = in.raw(32);
    auto const operations = in.u64();
    auto const memory = in.u64();
    auto const sealed = in.raw(sealed_key_bytes);
    if (!algorithms || !salt || !operations || !memory || !sealed || !in.done()) {
        return no_file("secret key");
    }
    auto const names = as_text(*algorithms);
    if (names.substr(0, 2) != public_algorithm || names.substr(4) != checksum_algorithm) {
        return no_file("secret key");
    }
    Bytes opened = to_bytes(*sealed);
    bool const by_passphrase = names.substr(2, 2) == scrypt_algorithm;
    if (by_passphrase) {
        if (passphrase.empty()) {
            return fail(Fault::denied, "the signing key is sealed by a passphrase")
                .with_fix("give it, or make a key without one: minisign -G -W");
        }
        PD_TRY(auto stream,
               crypto::scrypt_stream(passphrase, *salt, *operations, *memory, opened.size()));
        for (std::size_t i = 0; i < opened.size(); ++i) opened[i] ^= stream[i];
        crypto::wipe(stream);
    } else if (names.substr(2, 2) != no_algorithm) {
        return no_file("secret key of a kind we know");
    }
    crypto::SecretBytes const parts(std::move(opened));
    auto const view = parts.view();
    MinisignKey key;
    PD_TRY(key.id, MinisignId::from(view.first(8)));
    key.pair = crypto::sign_pair_from_seed(crypto::Secret32(view.subspan(8).first<32>()));
    auto const sum = key_checksum(key);
    // minisign -W leaves the checksum of a key without a passphrase zero.
    bool const unchecked = !by_passphrase && same_bytes(Bytes(32), view.last(32));
    if ((!unchecked && !same_bytes(sum, view.last(32))) ||
        !same_bytes(key.pair.open.view(), view.subspan(40, 32))) {
        if (by_passphrase) return fail(Fault::denied, "the signing key's passphrase is wrong");
        return no_file("secret key: its checksum does not fit");
    }
    return key;
}

// ---- signatures
// ----------------------------------------------------------------------------------

std::string minisign(MinisignKey const& key, crypto::Digest64 const& file_hash,
                     std::string_view trusted) {
    auto const of_file = crypto::sign(key.pair, file_hash.view());
    Bytes first = to_bytes(prehashed_algorithm);
    append(first, key.id.view());
    append(first, of_file.view());
    Bytes covered = to_bytes(of_file.view());
    append(covered, as_bytes(trusted));
    auto const of_all = crypto::sign(key.pair, covered);
    return fmt::format("{}signature from perdure, key {}\n{}\n{}{}\n{}\n", untrusted_mark,
                       key.open().id_text(), to_base64(first), trusted_mark, trusted,
                       to_base64(of_all.view()));
}

Result<MinisignSignature> MinisignSignature::parse(std::string_view file) {
    PD_TRY(auto const first, take_commented(file, "signature"));
    MinisignSignature signature;
    Decoder in(first);
    auto const algorithm = in.raw(2);
    auto id = in.id<MinisignId>();
    auto of_file = in.id<crypto::Signature>();
    if (!algorithm || !id || !of_file || !in.done()) return no_file("signature");
    signature.prehashed = as_text(*algorithm) == prehashed_algorithm;
    if (!signature.prehashed && as_text(*algorithm) != public_algorithm) {
        return no_file("signature of a kind we know");
    }
    signature.id = *id;
    signature.of_file = *of_file;
    auto const comment = take_line(file);
    if (!comment.starts_with(trusted_mark)) return no_file("signature");
    signature.trusted = std::string(comment.substr(trusted_mark.size()));
    auto const bytes = from_base64(take_line(file));
    if (!bytes) return no_file("signature");
    auto of_all = crypto::Signature::from(*bytes);
    if (!of_all) return no_file("signature");
    signature.of_all = *of_all;
    return signature;
}

namespace {

Result<void> verify_over(MinisignSignature const& signature, MinisignPublicKey const& key,
                         ByteView signed_bytes) {
    if (signature.id != key.id) {
        return fail(Fault::denied,
                    fmt::format("the signature was made with key {}, not {}",
                                MinisignPublicKey{signature.id, {}}.id_text(), key.id_text()));
    }
    if (!crypto::verify(key.key, signed_bytes, signature.of_file)) {
        return fail(Fault::corrupt, "the signature does not fit: the file was changed");
    }
    Bytes covered = to_bytes(signature.of_file.view());
    append(covered, as_bytes(signature.trusted));
    if (!crypto::verify(key.key, covered, signature.of_all)) {
        return fail(Fault::corrupt, "the signature's trusted comment was changed");
    }
    return {};
}

}  // namespace

Result<void> MinisignSignature::verify(MinisignPublicKey const& key,
                                       crypto::Digest64 const& file_hash) const {
    if (!prehashed) return fail(Fault::unsupported, "a signature of the legacy form");
    return verify_over(*this, key, file_hash.view());
}

Result<void> MinisignSignature::verify_legacy(MinisignPublicKey const& key, ByteView file) const {
    if (prehashed) return fail(Fault::invalid, "a signature of the prehashed form");
    return verify_over(*this, key, file);
}

}  // namespace perdure::format
