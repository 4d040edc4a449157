#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "demo/dice.h"

namespace perdure::demo {

struct CertificateOptions {
    std::string host;  ///< subject and alternative name
    Timestamp not_before, not_after;
};
struct Certificate {
    std::string certificate_pem, key_pem;
};

/// A self-signed certificate with an Ed25519 key from the dice: reproducible, hence good for
/// nothing but showing.
Result<Certificate> make_certificate(Dice& dice, CertificateOptions const& options);

}  // namespace perdure::demo
