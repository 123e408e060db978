//! XAES-256-GCM against the vectors that its specification publishes.

use shake::Shake128;
use shake::digest::{ExtendableOutput, Update, XofReader};

use super::{Failed, NONCE, Xaes256Gcm};

const NONCE_OF_VECTORS: &[u8; NONCE] = b"ABCDEFGHIJKLMNOPQRSTUVWX";
const PLAINTEXT: &[u8] = b"XAES-256-GCM";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sealed(cipher: &Xaes256Gcm, nonce: &[u8; NONCE], additional: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut message = plain.to_vec();
    let tag = cipher.seal(nonce, additional, &mut message).unwrap();
    message.extend(tag);
    message
}

#[test]
fn the_vector_whose_first_bit_is_clear_comes_out_as_published() {
    let cipher = Xaes256Gcm::new(&[1; 32]);
    assert_eq!(hex(&*cipher.k1), "e531954aca063d5b8d9c47a47d4cc6f0");
    assert_eq!(
        hex(&*cipher.message_key(NONCE_OF_VECTORS)),
        "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b"
    );
    assert_eq!(
        hex(&sealed(&cipher, NONCE_OF_VECTORS, b"", PLAINTEXT)),
        "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"
    );
}

#[test]
fn the_vector_whose_first_bit_is_set_comes_out_as_published() {
    let cipher = Xaes256Gcm::new(&[3; 32]);
    assert_eq!(hex(&*cipher.k1), "23810ec50edb99f374409466ed1f4b7b");
    assert_eq!(
        hex(&*cipher.message_key(NONCE_OF_VECTORS)),
        "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8"
    );
    assert_eq!(
        hex(&sealed(
            &cipher,
            NONCE_OF_VECTORS,
            b"c2sp.org/XAES-256-GCM",
            PLAINTEXT
        )),
        "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"
    );
}

/// "Accumulated randomized tests" of the specification.
#[test]
fn ten_thousand_random_messages_have_the_published_digest() {
    fn array<const N: usize>(random: &mut impl XofReader) -> [u8; N] {
        let mut bytes = [0; N];
        random.read(&mut bytes);
        bytes
    }
    fn text(random: &mut impl XofReader) -> Vec<u8> {
        let [length] = array(random);
        let mut bytes = vec![0; usize::from(length)];
        random.read(&mut bytes);
        bytes
    }

    let mut random = Shake128::default().finalize_xof();
    let mut digest = Shake128::default();
    for _ in 0..10_000 {
        let key = array::<32>(&mut random);
        let nonce = array::<NONCE>(&mut random);
        let plain = text(&mut random);
        let additional = text(&mut random);

        let cipher = Xaes256Gcm::new(&key);
        let message = sealed(&cipher, &nonce, &additional, &plain);
        digest.update(&message);

        let (ciphertext, tag) = message.split_last_chunk().unwrap();
        let mut opened = ciphertext.to_vec();
        cipher.open(&nonce, &additional, &mut opened, tag).unwrap();
        assert_eq!(opened, plain);
    }
    assert_eq!(
        hex(&array::<32>(&mut digest.finalize_xof())),
        "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
    );
}

#[test]
fn a_message_that_is_not_authentic_is_left_as_it_was() {
    let cipher = Xaes256Gcm::new(&[1; 32]);
    let mut message = PLAINTEXT.to_vec();
    let mut tag = cipher.seal(NONCE_OF_VECTORS, b"", &mut message).unwrap();
    tag[0] ^= 1;
    let before = message.clone();
    let opened = cipher.open(NONCE_OF_VECTORS, b"", &mut message, &tag);
    assert_eq!(opened, Err(Failed));
    assert_eq!(message, before);
}
