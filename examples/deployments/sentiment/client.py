"""Asks the sentiment server through Callgate: python3 client.py URL KEY TEXT"""
import sys

import requests

url, key, text = sys.argv[1:]
response = requests.post(f"{url}/predict", json={"text": text}, headers={"authorization": f"ApiKey {key}"})
response.raise_for_status()
print(response.json()["prediction"])
