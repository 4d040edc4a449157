#pragma once

#include <memory>

#include "data/stream.h"
#include "format/container/age/age_keys.h"
#include "format/output.h"

namespace perdure::format {

/// Encrypts what passes through, as the age program does (age-encryption.org/v1): STREAM of
/// ChaCha20-Poly1305 in chunks of 64 KiB. 130 KiB of memory. The header and file key are random:
/// two runs give different bytes.
class AgeOutput : public Output {
public:
    /// Everything that resume_age() needs to go on after the bytes that `below` holds now, the
    /// file's key included: keep it as private as the plaintext.
    virtual Bytes checkpoint() const = 0;
    /// The plaintext again of what was written and finished, `below` from its first byte on: proves
    /// what lies there without anybody's key. Fails: corrupt; the source: corrupt.
    virtual Result<std::unique_ptr<data::ByteSource>> read_back(
        std::unique_ptr<data::ByteSource> below) const = 0;
};

/// Writes the header at once. Fails: invalid (the seal), denied, exhausted, and as `below`.
Result<std::unique_ptr<AgeOutput>> encrypt_age(std::unique_ptr<Output> below, AgeSeal const& seal,
                                               system::Random& random);
/// `below` continues where it was at the checkpoint. Fails: corrupt.
Result<std::unique_ptr<AgeOutput>> resume_age(std::unique_ptr<Output> below, ByteView state);

/// The plaintext of an age file; reads and checks the header at once. Nothing of a chunk is given
/// out before its tag was checked, and the end only after the last chunk said that it is the last.
/// Fails: denied (keys), corrupt; read() fails: corrupt (changed or cut short).
Result<std::unique_ptr<data::ByteSource>> decrypt_age(std::unique_ptr<data::ByteSource> below,
                                                      AgeKeys const& keys);

/// Whether a file that begins so is an age file. 22 bytes suffice.
bool looks_like_age(ByteView start);

}  // namespace perdure::format
