#include "demo/certificate.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>

namespace perdure::demo {
namespace {

template <auto Free>
struct Freed {
    template <typename T>
    void operator()(T* pointer) const {
        Free(pointer);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using X509Handle = std::unique_ptr<X509, Freed<X509_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;

std::string text_of(BIO* memory) {
    char* data = nullptr;
    long const size = BIO_get_mem_data(memory, &data);
    return {data, static_cast<std::size_t>(size)};
}

bool fill(X509* x509, EVP_PKEY* key, Dice& dice, CertificateOptions const& options) {
    X509_set_version(x509, 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), dice.next() >> 1);
    ASN1_TIME_set(X509_getm_notBefore(x509), static_cast<time_t>(options.not_before.seconds));
    ASN1_TIME_set(X509_getm_notAfter(x509), static_cast<time_t>(options.not_after.seconds));
    X509_NAME* const name = X509_get_subject_name(x509);
    auto const* host = reinterpret_cast<unsigned char const*>(options.host.c_str());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, host, -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_set_pubkey(x509, key);
    std::string const names = "DNS:" + options.host;
    Extension const extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
    if (!extension || X509_add_ext(x509, extension.get(), -1) != 1) return false;
    return X509_sign(x509, key, nullptr) > 0;
}

}  // namespace

Result<Certificate> make_certificate(Dice& dice, CertificateOptions const& options) {
    std::array<unsigned char, 32> seed;
    for (unsigned char& byte : seed) byte = static_cast<unsigned char>(dice.below(256));
    Key const key(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
    X509Handle const x509(X509_new());
    Memory const certificate(BIO_new(BIO_s_mem())), secret(BIO_new(BIO_s_mem()));
    if (!key || !x509 || !certificate || !secret || !fill(x509.get(), key.get(), dice, options) ||
        PEM_write_bio_X509(certificate.get(), x509.get()) != 1 ||
        PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
            1)
        return fail(Fault::internal, "cannot make a sample certificate");
    return Certificate{text_of(certificate.get()), text_of(secret.get())};
}

}  // namespace perdure::demo
