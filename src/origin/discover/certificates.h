#pragma once

#include <vector>

#include "origin/discover/inventory.h"

namespace perdure::origin {

/// Reads certificates and private keys (PEM or DER) and finds out which belong together.
/// Key material is held only while it is compared.
class CertificateSearch {
public:
    /// Looks at a file whose content might be either; anything else is passed over.
    /// True: it held a certificate or a key.
    bool look_at(system::Path const& path, ByteView content);
    /// The certificates met, each with its key among the files met, and what is wrong on `now`.
    std::vector<FoundCertificate> finish(Timestamp now);

private:
    struct Certificate {
        FoundCertificate found;
        Bytes public_key;
    };
    struct Key {
        system::Path path;
        Bytes public_key;  ///< empty: encrypted, nothing can be said
    };
    std::vector<Certificate> certificates_;
    std::vector<Key> keys_;
};

}  // namespace perdure::origin
