#pragma once

#include <string>
#include <string_view>

#include "crypto/blake2b.h"
#include "crypto/sign.h"
#include "system/random.h"

namespace perdure::format {

/// Signatures as the minisign program writes and verifies them: Ed25519 over the BLAKE2b-512 of a
/// file ("ED"), and a second one over the first and its trusted comment.
using MinisignId = Opaque<8, struct MinisignIdTag>;

struct MinisignPublicKey {
    MinisignId id;
    crypto::VerifyKey key;

    /// The line that people pass on: "RW…". Fails: invalid.
    static Result<MinisignPublicKey> parse(std::string_view line_or_file);
    std::string line() const;
    /// The content of a .pub file.
    std::string file() const;
    /// As minisign shows it: sixteen capital hexadecimal digits.
    std::string id_text() const;
    bool operator==(MinisignPublicKey const&) const = default;
};

struct MinisignKey {
    MinisignId id;
    crypto::SignPair pair;

    static MinisignKey make(system::Random& random);
    /// The content of a secret key file, which may be sealed by a passphrase.
    /// Fails: invalid; denied (a passphrase is needed, or wrong); exhausted.
    static Result<MinisignKey> parse(std::string_view file, ByteView passphrase);
    /// Without a passphrase (minisign -W): the file's mode protects it.
    std::string file() const;
    MinisignPublicKey open() const { return {id, pair.open}; }
};

/// A .minisig file. `trusted` is covered by the signature and one line.
std::string minisign(MinisignKey const& key, crypto::Digest64 const& file_hash,
                     std::string_view trusted);

struct MinisignSignature {
    bool prehashed = true;  ///< else the legacy form, over the file itself
    MinisignId id;
    crypto::Signature of_file, of_all;
    std::string trusted;

    /// Fails: invalid.
    static Result<MinisignSignature> parse(std::string_view file);
    /// Fails: denied (another key made it), corrupt (the file or the comment was changed),
    /// unsupported (legacy).
    Result<void> verify(MinisignPublicKey const& key, crypto::Digest64 const& file_hash) const;
    /// For the legacy form, which needs the whole file.
    Result<void> verify_legacy(MinisignPublicKey const& key, ByteView file) const;
};

}  // namespace perdure::format
