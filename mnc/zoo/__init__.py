"""The MobileNet family: architectures, and training them.

The architectures are texts of the network language (`mnc.zoo.networks`).
"""
